"""The program: its own options, and how it reports a user's mistake."""

import contextlib
import errno
import io
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from subliminal_bench.errors import BenchmarkError, OptionSpelling
from subliminal_bench.printable import printable
from subliminal_bench.threads import sleep_soon
from subliminal_bench.version import __version__

_MISTAKE = 2
_BUG = 70
_INTERRUPTED = 130
_UNREAD = 141
_TERMINATED = 143
# What a system may refuse anywhere: permissions, space, limits and broken media.
_REFUSALS = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EMFILE,
    errno.ENFILE,
    errno.EIO,
    errno.ESTALE,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.ENOTSUP,
    errno.ENOLCK,
}

_NO_TEMPORARY_FOLDER = "No usable temporary directory"

_ABOUT = "A benchmark and regression suite for mitigations of subliminal learning."
_START = "Start with: subliminal-bench run liminal --seeds 1-7"

app = typer.Typer(
    name="subliminal-bench",
    help=f"{_ABOUT}\n\n{_START}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"subliminal-bench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error happened.")
    ] = False,
) -> None:
    """A benchmark and regression suite for mitigations of subliminal learning."""


def main() -> None:
    """Run the command line; a user's mistake gives one line and exit code 2."""
    _open_closed_streams()
    sleep_soon()
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"] or ["--help"]
    # Characters that the terminal cannot encode are shown as escapes.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # So that a killed command cleans up: locks, temporary files and the terminal's cursor.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        _check_working_folder()
        code = app(arguments, prog_name="subliminal-bench", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit as error:
        # typer and rich end the program with code 1 if nobody reads its output any more.
        if isinstance(error.__context__, BrokenPipeError):
            _discard_output()
            sys.exit(_UNREAD)
        raise
    except BrokenPipeError:
        _discard_output()
        sys.exit(_UNREAD)
    except Exception as error:
        if debug:
            raise
        said = _mistake(error)
        if said is None:
            traceback.print_exc()
            sys.exit(_failed(_bug(), _BUG))
        sys.exit(_failed(said, _MISTAKE))
    # typer turns an interruption into an exit code.
    if code == _INTERRUPTED:
        _failed("interrupted; finished seeds are kept, and the same command continues", code)
    sys.exit(code or 0)


def _check_working_folder() -> None:
    """Refuse a deleted working folder, in which torch ends the whole process."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise BenchmarkError("the working folder was deleted", "change to another") from None


def _open_closed_streams() -> None:
    """Open the standard streams that the caller closed, as ones that discard everything.

    Otherwise the next file that is opened would get the number of such a stream, and with it
    what others print to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is given, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115


def _discard_output() -> None:
    """Let the interpreter's last flush end in nothing instead of in another error."""
    with Path(os.devnull).open("w") as nothing:
        for stream in (sys.stdout, sys.stderr):
            # A stream without a number needs none of this.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                os.dup2(nothing.fileno(), stream.fileno())


def _mistake(error: Exception) -> str | None:
    """The message for a mistake or for a lack of resources; None for a bug in this package."""
    if isinstance(error, TyperException):
        return error.format_message()
    if isinstance(error, BenchmarkError):
        return error.line(OptionSpelling("--"))
    # torch's own error of that name is not imported: `--help` must not need torch.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return (
            "out of memory: close other programs, or use --device cpu; finished seeds are kept"
        )
    # Of Python's tempfile, which torch uses too.
    if isinstance(error, OSError) and f"{error.strerror}".startswith(_NO_TEMPORARY_FOLDER):
        return "no folder for temporary files can be written to: set TMPDIR to one that can"
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; --debug shows where it happened"
    return None


def _bug() -> str:
    """How to report a bug."""

    return (
        f"this is a bug in subliminal-bench {__version__}, not your mistake: please report it "
        "with all lines above, the command that you typed and the output of "
        "subliminal-bench doctor"
    )


def _failed(message: str, code: int) -> int:
    """Print a one-line error and return the exit code."""
    print(f"error: {printable(message)}", file=sys.stderr)
    return code
