"""The leaderboard: its entries and its page."""

from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    LeaderboardOption,
    StoreOption,
    leaderboard_folder,
    open_store,
)


def submit(
    entry: Annotated[str, typer.Argument(help="A name in the store, or the file of a run.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over an entry of the same name.")
    ] = False,
    folder: LeaderboardOption = None,
    store: StoreOption = None,
) -> None:
    """Make a finished run of the canonical protocol an entry of the leaderboard."""
    from subliminal_bench.experiment.protocol import MNIST
    from subliminal_bench.results.lookup import find_run
    from subliminal_bench.results.submission import submit_run

    found = find_run(entry, MNIST.name, open_store(store))
    path = submit_run(found, leaderboard_folder(folder) / "entries", replace)
    print(f"written: {path}; now run: subliminal-bench leaderboard")


def leaderboard(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where the page is stale.")
    ] = False,
    folder: LeaderboardOption = None,
) -> None:
    """Write the leaderboard's page from its entries."""
    from subliminal_bench.reports.leaderboard import is_fresh, leaderboard_page
    from subliminal_bench.results.files import write_atomically

    page, text = leaderboard_page(leaderboard_folder(folder))
    if not check:
        write_atomically(page, text.encode())
        print(f"written: {page}")
    elif not is_fresh(page, text):
        print(f"stale: {page} does not show its entries: run subliminal-bench leaderboard")
        raise typer.Exit(1)
    else:
        print(f"fresh: {page}")
