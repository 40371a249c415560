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

    from subliminal_bench.experiment.protocol import protocol_named
    from subliminal_bench.experiment.seed_ranges import parse_seeds
    from subliminal_bench.results.environment import Environment
    from subliminal_bench.results.run import Isolation, read_run
    from subliminal_bench.results.verified import write_verified
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.training.device import choose_device, device_kind, device_name
    from subliminal_bench.training.student import ENGINE
    from subliminal_bench.verification.rerun import Place
    from subliminal_bench.verification.verify import verification_of

    run = read_run(entry)
    protocol = protocol_named(run.protocol.name)
    settings = [f"{name}={run.mitigation.settings[name]}" for name in run.mitigation.changed]
    chosen = parse_seeds(seeds, protocol) if seeds else None
    where, root = choose_device(device), leaderboard_folder(folder)
    loaded = load_mitigation(
        mitigation or run.mitigation.name,
        settings,
        isolate or record,
        isolate_timeout,
        isolate_memory,
        device,
    )
    good = True
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        place = Place(protocol, root, where, data_dir, watcher)
        checked = verification_of(run, loaded, place, chosen, count)
        for claim in checked.claims():
            print(claim.line, flush=True)
            good = good and claim.holds
    if good and record and loaded.network:
        environment = Environment.here(device_kind(where), device_name(where), ENGINE)
        isolation = Isolation(network=loaded.network)
        path = write_verified(root, entry, checked.seeds, environment, isolation)
        print(f"written: {path}; now run: subliminal-bench leaderboard")
    elif good:
        share = 100 * len(checked.seeds) / len(run.seeds)
        print(f"verified: {len(checked.seeds)} of {len(run.seeds)} seeds ({share:.0f} %) rerun")
    else:
        print("refuted: the entry does not say what its mitigation does")
    raise typer.Exit(0 if good else 1)
