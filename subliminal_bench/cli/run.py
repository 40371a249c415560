"""`run`: train and score a mitigation."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from subliminal_bench.cli.options import (
    DataOption,
    DeviceOption,
    EngineOption,
    FormOption,
    IsolateMemoryOption,
    IsolateOption,
    IsolateTimeoutOption,
    MeasureEveryOption,
    MitigationArgument,
    NoWeightsOption,
    ProtocolOption,
    SeedsOption,
    SetOption,
    StoreOption,
    TrackOption,
    open_store,
    target_file,
)
from subliminal_bench.errors import OptionSpelling, ResultError, checked_form

if TYPE_CHECKING:
    from subliminal_bench.running.setup import Scoring


def run(
    mitigation: MitigationArgument,
    protocol: ProtocolOption = "mnist-5k",
    track: TrackOption = None,
    seeds: SeedsOption = "1-10",
    measure_every: MeasureEveryOption = 1,
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
    no_weights: NoWeightsOption = False,
    rerun_references: Annotated[
        bool,
        typer.Option(
            "--rerun-references",
            help="Run the references here, even if committed entries have their numbers.",
        ),
    ] = False,
    isolate: IsolateOption = False,
    isolate_timeout: IsolateTimeoutOption = None,
    isolate_memory: IsolateMemoryOption = None,
    full: Annotated[
        bool, typer.Option("--full", help="Show every metric, comparison and reader.")
    ] = False,
    form: FormOption = "terminal",
) -> None:
    """Train and score a mitigation.

    It is scored against the references on the same seeds. With --track, it is run on several
    tracks with one setting, and ends in one scorecard.
    """
    from rich.console import Console

    from subliminal_bench.reports import text
    from subliminal_bench.results.run import write_run
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.running.setup import Scoring, Setup

    checked_form(form, text.FORMATS)
    setup = Setup(
        protocol=protocol,
        measure_every=measure_every,
        device=device,
        engine=engine,
        store=open_store(store),
        data_dir=data_dir,
        weights=not no_weights,
        isolate=isolate,
        isolate_timeout=isolate_timeout,
        isolate_memory=isolate_memory,
    )
    chosen = Scoring(
        setup=setup,
        mitigation=mitigation,
        seeds=seeds,
        settings=settings or [],
        rerun_references=rerun_references,
    )
    if track is not None:
        _run_on_tracks(chosen, track, out, form)
        return
    scoring = chosen.load()
    target = target_file(out, scoring.mitigation.name) if out else None
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        card = scoring.run(watcher)
    text.show(card, form, full)
    if target:
        write_run(target, card.entry)
        # Other formats may be piped into a program that reads them.
        print(f"written: {target}", file=sys.stdout if form == "terminal" else sys.stderr)


def _run_on_tracks(chosen: "Scoring", track: str, out: Path | None, form: str) -> None:
    """Run on several tracks; each track's run is also written to OUT/TRACK/NAME.json."""
    from rich.console import Console

    from subliminal_bench.reports import robust
    from subliminal_bench.results.entries import entry_file_name
    from subliminal_bench.results.run import write_run
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.running.tracks import TrackScorings, tracks_named

    if out and out.suffix == ".json":
        raise ResultError(f"several tracks do not fit into {out}: name a folder with --out")
    tracks = TrackScorings(chosen, tracks_named(track)).load()
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        found = tracks.run(watcher, OptionSpelling("--"))
    robust.show(found, form)
    for row in found.rows:
        if out and row.card:
            target = out / row.track / entry_file_name(row.card.entry)
            write_run(target, row.card.entry)
            print(f"written: {target}", file=sys.stdout if form == "terminal" else sys.stderr)
    if found.failed:
        raise typer.Exit(1)
