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
from subliminal_bench.reference_names import REFERENCES


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

    from subliminal_bench import device as devices
    from subliminal_bench import protocol as protocols
    from subliminal_bench import regression, regression_text, rerun
    from subliminal_bench import seeds as seed_text
    from subliminal_bench.progress import ConsoleWatcher

    if update_reference:
        rerun.refuse_in_ci()
    chosen = protocols.get(protocol)
    names = regression.listed_entries(entries)
    wanted = seed_text.parse(seeds, chosen) if seeds else None
    where, root = devices.choose(device), leaderboard_folder(folder)
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        place = rerun.Place(chosen, root, where, data_dir, watcher)
        if update_reference:
            renewed = rerun.updates(place, names, wanted)
        else:
            findings = place.regress(names, wanted or regression.DEFAULT_SEEDS)
    if not update_reference:
        for finding in findings:
            print(regression_text.line(finding, table))
        raise typer.Exit(int(regression.gravest(findings)))
    for update in renewed:
        print(regression_text.update(update))
    if yes or typer.confirm(f"Write {len(renewed)} file(s)?"):
        for update in renewed:
            update.write()
            print(f"written: {update.path}")
    else:
        print("nothing was written")
