"""Holding the references to their committed numbers."""

from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    DataOption,
    DeviceOption,
    LeaderboardOption,
    ProtocolOption,
    leaderboard_folder,
)
from subliminal_bench.mitigation.builtin import REFERENCES


def regress(
    protocol: ProtocolOption = "mnist-5k",
    entries: Annotated[
        str, typer.Option("--entries", help="Entries to rerun, joined by commas.")
    ] = ",".join(REFERENCES),
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds", help="Seeds to rerun.  [default: 1-3; all when numbers are renewed]"
        ),
    ] = None,
    device: DeviceOption = "auto",
    data_dir: DataOption = None,
    folder: LeaderboardOption = None,
    table: Annotated[
        bool, typer.Option("--table", help="Show every metric's change and tolerance.")
    ] = False,
    update_reference: Annotated[
        bool,
        typer.Option(
            "--update-reference",
            help="Show old numbers against new ones, and write the new ones. Never in CI.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write new reference numbers without asking.")
    ] = False,
) -> None:
    """Rerun seeds of the references and hold them to their committed numbers.

    Exit code 0: passed; 1: regressed; 3: new, no reference numbers yet; 4: no baseline file;
    5: the numbers are of another protocol version.
    """
    from rich.console import Console

    from subliminal_bench.cli.options import listed_entries
    from subliminal_bench.experiment.protocol import protocol_named
    from subliminal_bench.experiment.seed_ranges import parse_seeds
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.training.device import choose_device
    from subliminal_bench.verification import text
    from subliminal_bench.verification.regression import REGRESSION_SEEDS, gravest
    from subliminal_bench.verification.rerun import Place, reference_updates, refuse_in_ci

    if update_reference:
        refuse_in_ci()
    chosen = protocol_named(protocol)
    names = listed_entries(entries)
    wanted = parse_seeds(seeds, chosen) if seeds else None
    where, root = choose_device(device), leaderboard_folder(folder)
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        place = Place(chosen, root, where, data_dir, watcher)
        if update_reference:
            renewed = reference_updates(place, names, wanted)
        else:
            findings = place.regress(names, wanted or REGRESSION_SEEDS)
    if not update_reference:
        for finding in findings:
            print(text.line(finding, table))
        raise typer.Exit(int(gravest(findings)))
    for update in renewed:
        print(text.update(update))
    if yes or typer.confirm(f"Write {len(renewed)} file(s)?"):
        for update in renewed:
            update.write()
            print(f"written: {update.path}")
    else:
        print("nothing was written")
