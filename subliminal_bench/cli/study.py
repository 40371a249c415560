"""`study`: look for a mitigation's best settings, on seeds that decide nothing else."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from subliminal_bench.cli.options import (
    DataOption,
    DeviceOption,
    EngineOption,
    IsolateMemoryOption,
    IsolateOption,
    IsolateTimeoutOption,
    MitigationArgument,
    NoWeightsOption,
    ProtocolOption,
    SetOption,
    StoreOption,
    open_store,
    shown_leaderboard,
)

if TYPE_CHECKING:
    from subliminal_bench.running.study.findings import Findings


def study(
    mitigation: MitigationArgument,
    space: Annotated[
        list[str] | None,
        typer.Option(
            "--space",
            metavar="NAME=LOW..HIGH[:log]",
            help="Try a parameter's values from low to high, by factors with :log; or some "
            "values, NAME=A,B,C. May be repeated.  [default: the ranges on the card]",
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", help="How many settings to try, with those in the store.")
    ] = 20,
    seeds: Annotated[
        str, typer.Option("--seeds", help="Seeds to try them on, from 1001 to 2000.")
    ] = "1001-1006",
    protocol: ProtocolOption = "mnist-5k",
    measure_every: Annotated[
        int | None,
        typer.Option(
            "--measure-every",
            metavar="STEPS",
            help="Measure the alignment only at every so many steps.  [default: 10]",
        ),
    ] = None,
    settings: SetOption = None,
    ablate: Annotated[
        bool,
        typer.Option(
            "--ablate",
            help="Try no settings: switch each part and mechanism off in turn.",
        ),
    ] = False,
    show: Annotated[
        bool,
        typer.Option("--show", help="Run nothing: show the study that the store has."),
    ] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not run the best settings on fresh seeds.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", help="Folder for the picture and the log.  [default: study-NAME]"
        ),
    ] = None,
    device: DeviceOption = "auto",
    engine: EngineOption = "local",
    data_dir: DataOption = None,
    store: StoreOption = None,
    no_weights: NoWeightsOption = False,
    isolate: IsolateOption = False,
    isolate_timeout: IsolateTimeoutOption = None,
    isolate_memory: IsolateMemoryOption = None,
) -> None:
    """Look for a mitigation's best settings.

    They are tried on seeds that neither rank nor verify entries. The same command continues a
    study, also in several processes at once.
    """
    from rich.console import Console

    from subliminal_bench.errors import BenchmarkError
    from subliminal_bench.experiment.tracks import protocol_named
    from subliminal_bench.reports.study.ablation_text import ablation_table
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.running.setup import Setup
    from subliminal_bench.running.study.ablation import run_ablation
    from subliminal_bench.running.study.finding_studies import shown_study
    from subliminal_bench.running.study.study import Study, coarse

    if ablate and (show or space):
        raise BenchmarkError("an ablation tries no settings: leave out --show and --space")
    kept = open_store(store)
    if show:
        _show(shown_study(kept, mitigation, protocol), out)
        return
    chosen = Study(
        setup=Setup(
            protocol=protocol,
            measure_every=coarse(protocol_named(protocol))
            if measure_every is None
            else measure_every,
            device=device,
            engine=engine,
            store=kept,
            data_dir=data_dir,
            weights=not no_weights,
            isolate=isolate,
            isolate_timeout=isolate_timeout,
            isolate_memory=isolate_memory,
        ),
        mitigation=mitigation,
        space=space or [],
        settings=settings or [],
        seeds=seeds,
        trials=trials,
        check=not no_check,
    )
    if ablate:
        with ConsoleWatcher(Console(stderr=True)) as watcher:
            found = run_ablation(chosen, watcher)
        Console().print(ablation_table(found))
        return
    loaded = chosen.load()
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        findings = loaded.run(watcher)
    _show(findings, out)


def _show(findings: "Findings", out: Path | None) -> None:
    """Print what was found, and write the picture and the log."""
    from rich.console import Console

    from subliminal_bench.reports.study.front import base_protocol, study_svg
    from subliminal_bench.reports.study.study_text import study_view
    from subliminal_bench.reports.study.trials_frame import tuning_csv
    from subliminal_bench.results.files import write_atomically

    folder = out or Path(f"study-{findings.record.mitigation.name}")
    best = findings.best
    command = ""
    if best:
        words = ["subliminal-bench", "run", findings.record.command]
        words += [word for one in findings.settings_of(best) for word in ("--set", one)]
        words += ["--protocol", base_protocol(findings), "--seeds", "1-20"]
        command = shlex.join(words)
    Console().print(study_view(findings, command))
    picture = study_svg(findings, shown_leaderboard(None))
    files = {"trials.csv": tuning_csv(findings)}
    if picture:
        files["front.svg"] = picture.encode()
    for name, content in files.items():
        write_atomically(folder / name, content)
        print(f"written: {folder / name}")
