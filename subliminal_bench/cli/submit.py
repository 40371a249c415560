"""`submit`: add a finished run to the leaderboard."""

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
    """Add a finished mnist run to the leaderboard.

    The run becomes a file in the leaderboard's folder of entries.
    """
    from subliminal_bench.experiment.protocol import CANONICAL
    from subliminal_bench.results.entries import submit_run
    from subliminal_bench.results.lookup import find_run

    found = find_run(entry, CANONICAL.name, open_store(store))
    path = submit_run(found, leaderboard_folder(folder) / "entries", replace)
    print(f"written: {path}; now run: subliminal-bench leaderboard")
