"""`submit`: a finished run becomes an entry of the leaderboard."""

from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    LeaderboardOption,
    RunArgument,
    StoreOption,
    leaderboard_folder,
    open_store,
)


def submit(
    entry: RunArgument,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite an entry of the same name.")
    ] = False,
    folder: LeaderboardOption = None,
    store: StoreOption = None,
) -> None:
    """Make a finished run of the canonical protocol an entry of the leaderboard."""
    from subliminal_bench.experiment.protocol import CANONICAL
    from subliminal_bench.results.entries import submit_run
    from subliminal_bench.results.lookup import find_run

    found = find_run(entry, CANONICAL.name, open_store(store))
    path = submit_run(found, leaderboard_folder(folder) / "entries", replace)
    print(f"written: {path}; now run: subliminal-bench leaderboard")
