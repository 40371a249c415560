"""`verify`: rerun seeds of an entry and test its claims."""

from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    DataOption,
    DeviceOption,
    IsolateMemoryOption,
    IsolateOption,
    IsolateTimeoutOption,
    LeaderboardOption,
    leaderboard_folder,
)


def verify(
    entry: Annotated[Path, typer.Argument(help="The file of an entry or of a run.")],
    mitigation: Annotated[
        str | None,
        typer.Option(
            "--mitigation",
            help="The entry's mitigation: a name, a .py file or module:attribute.  "
            "[default: its name in `list`]",
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="Seeds to run again.  [default: secret ones]")
    ] = None,
    count: Annotated[
        int, typer.Option("--count", min=1, help="How many secret seeds to draw.")
    ] = 5,
    device: DeviceOption = "auto",
    data_dir: DataOption = None,
    folder: LeaderboardOption = None,
    isolate: IsolateOption = False,
    isolate_timeout: IsolateTimeoutOption = None,
    isolate_memory: IsolateMemoryOption = None,
) -> None:
    """Rerun seeds of an entry and test its claims.

    Exit code 0: all claims hold; 1: a claim is refuted.
    """
    from rich.console import Console

    from subliminal_bench.experiment.seed_ranges import parse_seeds
    from subliminal_bench.results.run import read_run
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.running.setup import Setup
    from subliminal_bench.verification.verify import verification_of

    run = read_run(entry)
    setup = Setup(
        protocol=run.protocol.name,
        device=device,
        data_dir=data_dir,
        isolate=isolate,
        isolate_timeout=isolate_timeout,
        isolate_memory=isolate_memory,
    )
    settings = [f"{name}={run.mitigation.settings[name]}" for name in run.mitigation.changed]
    chosen = parse_seeds(seeds, setup.chosen_protocol) if seeds else None
    root = leaderboard_folder(folder)
    loaded = setup.load(mitigation or run.mitigation.name, settings)
    found = []
    with ConsoleWatcher(Console(stderr=True)) as watcher, setup.bench(watcher) as bench:
        checked = verification_of(run, loaded, bench, root, chosen, count)
        for claim in checked.claims():
            print(claim.line, flush=True)
            found.append(claim)
    refuted = not all(claim.holds for claim in found)
    if refuted:
        print("refuted: the entry does not match what its mitigation does")
    else:
        share = 100 * len(checked.seeds) / len(run.seeds)
        print(f"verified: {len(checked.seeds)} of {len(run.seeds)} seeds ({share:.0f} %) rerun")
    raise typer.Exit(1 if refuted else 0)
