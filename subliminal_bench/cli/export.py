"""`export`: write a run's metrics as text."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    RunArgument,
    RunProtocolOption,
    StoreOption,
    open_store,
)


def export(
    entry: RunArgument,
    protocol: RunProtocolOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write.  [default: standard output]")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    store: StoreOption = None,
) -> None:
    """Write a run's metrics, one row per seed."""
    from subliminal_bench.reports.export import export_text
    from subliminal_bench.results.files import write_atomically
    from subliminal_bench.results.lookup import find_run

    text = export_text(find_run(entry, protocol, open_store(store)), form)
    if out is None:
        sys.stdout.write(text)
    else:
        write_atomically(out, text.encode())
