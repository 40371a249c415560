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

    The run becomes a file in the leaderboard's folder of entries; every tenth step of its
    curves is kept beside it.
    """
    from subliminal_bench.experiment.protocol import CANONICAL
    from subliminal_bench.results.entries import submit_run
    from subliminal_bench.results.lookup import find_run
    from subliminal_bench.results.thinned import ThinnedCurves, thinned_file

    kept, root = open_store(store), leaderboard_folder(folder)
    found = find_run(entry, CANONICAL.name, kept)
    path = submit_run(found, root / "entries", replace)
    ThinnedCurves.of(found, kept.curves(found)).write(thinned_file(root, found))
    print(f"written: {path}; now run: subliminal-bench leaderboard")
