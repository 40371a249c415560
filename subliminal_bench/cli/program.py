"""The program: its one option, and what becomes of a user's mistake."""

import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from subliminal_bench.errors import BenchmarkError

_INTERRUPTED = 130

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
        from subliminal_bench import __version__

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
    try:
        code = app(arguments, prog_name="subliminal-bench", standalone_mode=False)
    except (BenchmarkError, TyperException) as error:
        if debug:
            raise
        said = error.format_message() if isinstance(error, TyperException) else str(error)
        sys.exit(_failed(said, 2))
    # typer has turned an interruption into its exit code.
    if code == _INTERRUPTED:
        _failed("interrupted; finished seeds are kept, and the same command goes on", code)
    sys.exit(code or 0)


def _failed(message: str, code: int) -> int:
    """Print one line that says what is wrong, and pass the exit code on."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code
