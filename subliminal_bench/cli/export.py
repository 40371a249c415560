"""`export`: write a run's metrics as text, or its weights as files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from subliminal_bench.cli.options import (
    RunArgument,
    RunProtocolOption,
    StoreOption,
    open_store,
)

if TYPE_CHECKING:
    from subliminal_bench.results.store import Store


def export(
    entry: RunArgument,
    protocol: RunProtocolOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write.  [default: standard output]")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            metavar="DIR",
            help="Write the weights of its students, their teachers and the untrained models "
            "to this new folder; metrics only with --out.",
        ),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write a run's metrics, one row per seed; or the weights of its models."""
    from subliminal_bench.reports.export import export_text
    from subliminal_bench.results.files import write_atomically
    from subliminal_bench.results.lookup import find_run

    opened = open_store(store)
    if weights is not None:
        _export_weights(entry, protocol, opened, weights)
        if out is None:
            return
    text = export_text(find_run(entry, protocol, opened), form)
    if out is None:
        sys.stdout.write(text)
    else:
        write_atomically(out, text.encode())


def _export_weights(name: str, protocol: str | None, store: "Store", target: Path) -> None:
    """Write the weights of a stored run, and say what is not there."""
    from subliminal_bench.experiment.seed_ranges import seeds_phrase
    from subliminal_bench.reports.zoo import Zoo
    from subliminal_bench.results.lookup import find_folder

    zoo = Zoo.of(find_folder(name, protocol, store), store)
    zoo.write(target)
    if zoo.without_weights:
        print(f"the store has no weights of {seeds_phrase(zoo.without_weights)}")
    if zoo.without_teacher:
        print(f"the store has no teacher of {seeds_phrase(zoo.without_teacher)}")
    print(f"written: {target}: {seeds_phrase(zoo.seeds)}")
