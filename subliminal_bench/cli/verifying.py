"""Checking an entry by running it again."""

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
    load_mitigation,
)


def verify(
    entry: Annotated[Path, typer.Argument(help="The file of an entry or of a run.")],
    mitigation: Annotated[
        str | None,
        typer.Option(
            "--mitigation", help="Where its mitigation is.  [default: its name in `list`]"
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="Seeds to run again.  [default: secret ones]")
    ] = None,
    count: Annotated[
        int, typer.Option("--count", min=1, help="How many secret seeds to draw.")
    ] = 3,
    device: DeviceOption = "auto",
    data_dir: DataOption = None,
    folder: LeaderboardOption = None,
    isolate: IsolateOption = False,
    isolate_timeout: IsolateTimeoutOption = None,
    isolate_memory: IsolateMemoryOption = None,
    record: Annotated[
        bool,
        typer.Option(
            "--record", help="Keep on the leaderboard that the entry held; isolates it."
        ),
    ] = False,
) -> None:
    """Run some of an entry's seeds again and say whether what it claims holds.

    Exit code 0: everything held; 1: something is refuted.
    """
    from rich.console import Console

    from subliminal_bench import device as devices
    from subliminal_bench import protocol as protocols
    from subliminal_bench import results
    from subliminal_bench import seeds as seed_text
    from subliminal_bench.progress import ConsoleWatcher
    from subliminal_bench.rerun import Place
    from subliminal_bench.store import ENGINE
    from subliminal_bench.verification import record as kept
    from subliminal_bench.verification import rerun

    run = results.read_run(entry)
    protocol = protocols.get(run.protocol.name)
    settings = [f"{name}={run.mitigation.settings[name]}" for name in run.mitigation.changed]
    chosen = seed_text.parse(seeds, protocol) if seeds else None
    where, root = devices.choose(device), leaderboard_folder(folder)
    loaded = load_mitigation(
        mitigation or run.mitigation.name,
        settings,
        isolate or record,
        isolate_timeout,
        isolate_memory,
        where,
    )
    good = True
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        place = Place(protocol, root, where, data_dir, watcher)
        checked = rerun.of(run, loaded, place, chosen, count)
        for claim in checked.claims():
            print(claim.line, flush=True)
            good = good and claim.holds
    if good and record and loaded.network:
        environment = results.Environment.here(
            devices.kind(where), devices.describe(where), ENGINE
        )
        isolation = results.Isolation(network=loaded.network)
        path = kept.write(root, entry, checked.seeds, environment, isolation)
        print(f"written: {path}; now run: subliminal-bench leaderboard")
    elif good:
        share = 100 * len(checked.seeds) / len(run.seeds)
        print(f"verified: {len(checked.seeds)} of {len(run.seeds)} seeds ({share:.0f} %) rerun")
    else:
        print("refuted: the entry does not say what its mitigation does")
    raise typer.Exit(0 if good else 1)
