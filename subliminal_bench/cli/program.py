"""The program: its one option, and what becomes of a user's mistake."""

import errno
import io
import sys
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from subliminal_bench.errors import BenchmarkError, OptionSpelling
from subliminal_bench.version import __version__

_MISTAKE = 2
_BUG = 70
_INTERRUPTED = 130
# What a system refuses, wherever it happens: rights, space, limits and broken media.
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
}

app = typer.Typer(
    name="subliminal-bench",
    help="A benchmark and regression suite for mitigations of subliminal learning.",
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
) -> None:
    """A benchmark and regression suite for mitigations of subliminal learning."""


def main() -> None:
    """Run the command line; a user's mistake is one line and exit code 2."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"] or ["--help"]
    # What a terminal's encoding lacks is shown as its code.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(arguments, prog_name="subliminal-bench", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        if debug:
            raise
        said = _mistake(error)
        if said is None:
            traceback.print_exc()
            sys.exit(_failed(_bug(), _BUG))
        sys.exit(_failed(said, _MISTAKE))
    # typer has turned an interruption into its exit code.
    if code == _INTERRUPTED:
        _failed("interrupted; finished seeds are kept, and the same command goes on", code)
    sys.exit(code or 0)


def _mistake(error: Exception) -> str | None:
    """What the user can fix, or the machine lacks; None for a bug of this package."""
    if isinstance(error, TyperException):
        return error.format_message()
    if isinstance(error, BenchmarkError):
        return error.line(OptionSpelling("--"))
    # torch's own error of that name is not imported for this: `--help` needs no torch.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return (
            "out of memory: close other programs, or use --device cpu; finished seeds are kept"
        )
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; --debug shows where it happened"
    return None


def _bug() -> str:
    """How to report one."""

    return (
        f"this is a bug of subliminal-bench {__version__}, not a mistake of yours: please "
        "report it with all lines above, the command that you typed and what "
        "subliminal-bench doctor prints"
    )


def _failed(message: str, code: int) -> int:
    """Print one line that says what is wrong, and pass the exit code on."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code
