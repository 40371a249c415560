"""What an isolated mitigation prints, on its way to a terminal."""

import codecs
import contextlib
from collections.abc import Callable
from typing import IO

from subliminal_bench.printable import printable

# What is shown of a process's output, in characters.
MOST_SHOWN = 64 * 1024
_PART = 8192
# A longer line is shown in pieces, because its end may never come.
_LONGEST_LINE = 1000
# No line of a mitigation begins like one of this program, or like an order to what reads it.
_MARK = "| "


def relay(output: IO[bytes], write: Callable[[str], object]) -> None:
    r"""Write what arrives, line by line, until its other end is closed.

    Characters that a reader does not see get escapes. After the first 64 KiB the rest is read,
    so that the mitigation does not wait for ever, and dropped.

    >>> import io, sys
    >>> relay(io.BytesIO(b"one\n\x1b[2Jtwo"), sys.stdout.write)
    | one
    | \x1b[2Jtwo
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    shown = _Shown(write)
    unfinished = ""
    while part := _part(output):
        *lines, unfinished = (unfinished + decoder.decode(part)).split("\n")
        while len(unfinished) > _LONGEST_LINE:
            lines.append(unfinished[:_LONGEST_LINE])
            unfinished = unfinished[_LONGEST_LINE:]
        for line in lines:
            shown.add(line)
    unfinished += decoder.decode(b"", final=True)
    if unfinished:
        shown.add(unfinished)


class _Shown:
    """The lines that are shown, up to the limit."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._left = MOST_SHOWN

    def add(self, line: str) -> None:
        if self._left <= 0:
            return
        even = line.expandtabs()
        text = even.lstrip(" ")
        indented = " " * (len(even) - len(text)) + printable(text)
        row = f"{_MARK}{indented[: self._left]}\n"
        self._left -= len(row)
        if self._left <= 0:
            limit = f"more than {MOST_SHOWN // 1024} KiB of output: the rest is dropped"
            row += f"{_MARK}... {limit}\n"
        # Nobody may be reading any more.
        with contextlib.suppress(ValueError, OSError):
            self._write(row)


def _part(output: IO[bytes]) -> bytes:
    """What has arrived, without waiting for more."""
    found: bytes = getattr(output, "read1", output.read)(_PART)
    return found
