"""`leaderboard`: write the leaderboard's page from its entries."""

from typing import Annotated

import typer

from subliminal_bench.cli.options import LeaderboardOption, leaderboard_folder


def leaderboard(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the page is stale.")
    ] = False,
    folder: LeaderboardOption = None,
) -> None:
    """Rewrite the leaderboard's page.

    The page shows the entries in the leaderboard's folder.
    """
    from subliminal_bench.reports.leaderboard import is_fresh, leaderboard_page
    from subliminal_bench.results.files import write_atomically

    page, text = leaderboard_page(leaderboard_folder(folder))
    if not check:
        write_atomically(page, text.encode(), kept=True)
        print(f"written: {page}")
    elif not is_fresh(page, text):
        print(f"stale: {page} does not show its entries: run subliminal-bench leaderboard")
        raise typer.Exit(1)
    else:
        print(f"fresh: {page}")
