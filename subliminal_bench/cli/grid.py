"""`grid`: many mitigations, settings and protocols in one go."""

from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    DataOption,
    DeviceOption,
    EngineOption,
    IsolateMemoryOption,
    IsolateOption,
    IsolateTimeoutOption,
    MeasureEveryOption,
    NoWeightsOption,
    StoreOption,
    open_store,
)


def grid(
    file: Annotated[
        Path, typer.Argument(help="A .toml file with protocols, seeds and [[run]] tables.")
    ],
    show: Annotated[
        bool, typer.Option("--show", help="Run nothing: show what the store has.")
    ] = False,
    measure_every: MeasureEveryOption = 1,
    device: DeviceOption = "auto",
    engine: EngineOption = "local",
    data_dir: DataOption = None,
    store: StoreOption = None,
    no_weights: NoWeightsOption = False,
    isolate: IsolateOption = False,
    isolate_timeout: IsolateTimeoutOption = None,
    isolate_memory: IsolateMemoryOption = None,
) -> None:
    """Run many mitigations, settings and protocols from a file.

    The same command continues where it was interrupted. What fails does not stop the rest.
    """
    from rich.console import Console

    from subliminal_bench.reports.study.grid_text import grid_view
    from subliminal_bench.running.grid import Grid
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.running.set_file import read_set
    from subliminal_bench.running.setup import Setup

    chosen = Grid(
        Setup(
            measure_every=measure_every,
            device=device,
            engine=engine,
            store=open_store(store),
            data_dir=data_dir,
            weights=not no_weights,
            isolate=isolate,
            isolate_timeout=isolate_timeout,
            isolate_memory=isolate_memory,
        ),
        read_set(file),
    )
    if show:
        cells = chosen.look()
    else:
        with ConsoleWatcher(Console(stderr=True)) as watcher:
            cells = chosen.run(watcher)
    Console().print(grid_view(cells))
    if any(cell.failure for cell in cells):
        raise typer.Exit(1)
