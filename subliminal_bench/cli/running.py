"""Running a mitigation."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    DataOption,
    DeviceOption,
    EngineOption,
    FormOption,
    IsolateMemoryOption,
    IsolateOption,
    IsolateTimeoutOption,
    ProtocolOption,
    SeedsOption,
    SetOption,
    StoreOption,
    load_mitigation,
    open_engine,
    open_store,
    target_file,
)


def run(
    mitigation: Annotated[
        str,
        typer.Argument(help="A name that `list` shows, a .py file, or module:attribute."),
    ],
    protocol: ProtocolOption = "mnist-5k",
    seeds: SeedsOption = "1-10",
    device: DeviceOption = "auto",
    engine: EngineOption = "local",
    data_dir: DataOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Also write the run to this .json file, or into this folder."
        ),
    ] = None,
    settings: SetOption = None,
    store: StoreOption = None,
    rerun_references: Annotated[
        bool,
        typer.Option(
            "--rerun-references", help="Run the references here, also where entries have them."
        ),
    ] = False,
    isolate: IsolateOption = False,
    isolate_timeout: IsolateTimeoutOption = None,
    isolate_memory: IsolateMemoryOption = None,
    stop_early: Annotated[
        bool,
        typer.Option(
            "--stop-early",
            help="Look after 20, 40, 60, 80 and 100 seeds; stop where the verdict is decided.",
        ),
    ] = False,
    form: FormOption = "terminal",
) -> None:
    """Run a mitigation and score it against the references on the same seeds."""
    from rich.console import Console

    from subliminal_bench.errors import MitigationError
    from subliminal_bench.experiment.protocol import protocol_named
    from subliminal_bench.experiment.seed_ranges import parse_seeds
    from subliminal_bench.reports import text
    from subliminal_bench.reports.formats import checked_format
    from subliminal_bench.results.run import write_run
    from subliminal_bench.running.bench import Bench
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.running.score import score_mitigation

    checked_format(form, text.FORMATS)
    chosen = protocol_named(protocol)
    wanted = parse_seeds(seeds, chosen)
    if isolate and engine != "local":
        raise MitigationError(
            "--isolate starts its process on this machine: leave --engine out, or --isolate"
        )
    entry = load_mitigation(
        mitigation, settings or [], isolate, isolate_timeout, isolate_memory, device
    )
    target = target_file(out, entry.name) if out else None
    with ConsoleWatcher(Console(stderr=True)) as watcher, open_engine(engine) as there:
        where = there.choose(device)
        bench = Bench(chosen, where, open_store(store), data_dir, watcher, there)
        card = score_mitigation(
            bench, entry, wanted, rerun=rerun_references, stop_early=stop_early
        )
    text.show(card, form)
    if target:
        write_run(target, card.entry)
        # Other formats may be piped into a program that reads them.
        print(f"written: {target}", file=sys.stdout if form == "terminal" else sys.stderr)
