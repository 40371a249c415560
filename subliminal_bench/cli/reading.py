"""Reading the runs that there are."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import FormOption, StoreOption, open_store


def export(
    entry: Annotated[
        str, typer.Argument(help="A name in the store, or the path of a run's or entry's file.")
    ],
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="Needed where the store has it under both.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write.  [default: standard output]")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    store: StoreOption = None,
) -> None:
    """Write a run's metrics, one row a seed."""
    from subliminal_bench.reports.export import export_text
    from subliminal_bench.results.files import write_atomically
    from subliminal_bench.results.lookup import find_run

    text = export_text(find_run(entry, protocol, open_store(store)), form)
    if out is None:
        sys.stdout.write(text)
    else:
        write_atomically(out, text.encode())


def compare(
    entries: Annotated[
        list[str], typer.Argument(help="Two or more names in the store, or files of runs.")
    ],
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="Needed where the store has them under both."),
    ] = None,
    form: FormOption = "terminal",
    store: StoreOption = None,
) -> None:
    """Hold runs against each other, pair by pair, on the seeds that all of them have."""
    from subliminal_bench.reports import text
    from subliminal_bench.results.lookup import find_runs
    from subliminal_bench.scoring.scorecard import side_by_side

    found, committed = find_runs(entries, protocol, open_store(store))
    text.show(side_by_side(found, committed), form)
