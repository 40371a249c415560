"""`leaderboard`: write the leaderboard's page from its entries."""

from typing import Annotated

import typer

from subliminal_bench.cli.options import LeaderboardOption, leaderboard_folder


def leaderboard(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a page is stale.")
    ] = False,
    folder: LeaderboardOption = None,
) -> None:
    """Rewrite the leaderboard's page.

    The page shows the entries in the leaderboard's folder; tracks with entries have pages too.
    """
    from subliminal_bench.reports.leaderboard import is_fresh
    from subliminal_bench.reports.track_pages import leaderboard_pages
    from subliminal_bench.results.files import write_atomically

    pages = leaderboard_pages(leaderboard_folder(folder))
    if not check:
        for page, text in pages.texts.items():
            write_atomically(page, text.encode(), kept=True)
            print(f"written: {page}")
        for page in pages.left_over:
            page.unlink()
            print(f"removed: {page}, whose track has no entries")
        return
    stale = [page for page, text in pages.texts.items() if not is_fresh(page, text)]
    stale += pages.left_over
    for page in stale:
        print(f"stale: {page} does not show its entries: run subliminal-bench leaderboard")
    if stale:
        raise typer.Exit(1)
    for page in pages.texts:
        print(f"fresh: {page}")
