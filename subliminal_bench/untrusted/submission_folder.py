"""A stranger's folder: a few text files of which a reader sees every character."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from subliminal_bench.errors import ResultError
from subliminal_bench.printable import brief
from subliminal_bench.untrusted.regular_file import read_bytes
from subliminal_bench.untrusted.source_text import check_source, check_text

# The largest built-in mitigation has 6 kB; a tuning log of a thousand trials some 100 kB.
MOST_FILES = 20
MOST_BYTES = 256 * 2**10
MOST_BYTES_IN_ALL = 2**20
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\.(py|toml|md|csv)")
_FOLDER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def read_submission_folder(folder: Path) -> dict[str, bytes]:
    """The files of a folder, by their path in it, sorted.

    Args:
        folder: which must not be a link.

    Raises:
        ResultError: it has anything but a few text files in it, and in folders directly below
            it; one line names the file and what is wrong.
    """
    if folder.is_symlink():
        raise ResultError(f"cannot read {folder}: it is a link, and a submission has none")
    found: dict[str, bytes] = {}
    left = MOST_BYTES_IN_ALL
    seen: dict[str, str] = {}
    for name in _files(folder):
        path = folder / name
        # Some systems do not tell capitals from small letters.
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ResultError(f"{path} and {other} have the same name on some systems")
        if len(found) == MOST_FILES:
            raise ResultError(f"{folder} has more than {MOST_FILES} files")
        content = read_bytes(path, MOST_BYTES, folder)
        left -= len(content)
        if left < 0:
            raise ResultError(f"{folder} has more than {MOST_BYTES_IN_ALL} bytes in all")
        text = check_text(content, path)
        if path.suffix == ".py":
            check_source(content, text, path)
        found[name] = content
    return dict(sorted(found.items()))


def folder_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the names and the contents of a folder's files.

    Args:
        files: content by name.

    >>> folder_digest({"a.py": b"", "b.py": b"1"}) == folder_digest({"b.py": b"1", "a.py": b""})
    True
    """
    lines = [
        f"{name} {hashlib.sha256(content).hexdigest()}\n"
        for name, content in sorted(files.items())
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _files(folder: Path) -> Iterator[str]:
    """The names of all files, with those of folders directly below."""
    for name, is_folder in _listed(folder):
        if not is_folder:
            _check(_FILE, folder, name)
            yield name
            continue
        _check(_FOLDER, folder, name)
        for inner, is_deeper in _listed(folder / name):
            if is_deeper:
                raise ResultError(f"{folder / name / inner}: folders are too deep")
            _check(_FILE, folder / name, inner)
            yield f"{name}/{inner}"


def _listed(folder: Path) -> list[tuple[str, bool]]:
    """The names in a folder, sorted, and whether each is a folder; no more than may be."""
    found: list[tuple[str, bool]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) > 2 * MOST_FILES:
                    raise ResultError(f"{folder} has more than {MOST_FILES} files")
                # A link to a folder is no folder, and is refused when it is read.
                mode = entry.stat(follow_symlinks=False).st_mode
                found.append((entry.name, stat.S_ISDIR(mode)))
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise ResultError(f"cannot read {folder}: {said}") from None
    return sorted(found)


def _check(pattern: re.Pattern[str], folder: Path, name: str) -> None:
    if not pattern.fullmatch(name):
        raise ResultError(
            f"{folder}: {brief(name)} is no file of a submission",
            "it has files such as idea.py, submission.toml, notes.md and tuning.csv, in itself "
            "or in a folder such as parts: delete all others",
        )
