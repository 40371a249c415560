"""`regress`: do the references still give their committed numbers?"""

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
            "--seeds", help="Seeds to rerun.  [default: 1-3; all with --update-reference]"
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
            help="Show the old and new numbers, and write the new ones. Never in CI.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write new reference numbers without asking.")
    ] = False,
) -> None:
    """Rerun references against committed numbers.

    Exit code 0: passed; 1: regressed; 3: new, no reference numbers yet; 4: the baseline has
    no reference numbers; 5: the numbers belong to another protocol version.
    """
    from rich.console import Console

    from subliminal_bench.experiment.seed_ranges import parse_seeds
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.running.setup import Setup
    from subliminal_bench.verification import rerun, text
    from subliminal_bench.verification.regression import (
        REGRESSION_SEEDS,
        gravest,
        listed_entries,
    )

    if update_reference:
        rerun.refuse_in_ci()
    setup = Setup(protocol=protocol, device=device, data_dir=data_dir)
    names = listed_entries(entries)
    wanted = parse_seeds(seeds, setup.chosen_protocol) if seeds else None
    root = leaderboard_folder(folder)
    with ConsoleWatcher(Console(stderr=True)) as watcher, setup.bench(watcher) as bench:
        if update_reference:
            renewed = rerun.reference_updates(bench, root, names, wanted)
        else:
            findings = rerun.regress(bench, root, names, wanted or REGRESSION_SEEDS)
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
