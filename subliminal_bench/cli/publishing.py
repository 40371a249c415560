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
    from subliminal_bench import finding, submission
    from subliminal_bench.protocol import MNIST

    found = finding.find(entry, MNIST.name, open_store(store))
    path = submission.submit(found, leaderboard_folder(folder) / "entries", replace)
    print(f"written: {path}; now run: subliminal-bench leaderboard")


def leaderboard(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where the page is stale.")
    ] = False,
    folder: LeaderboardOption = None,
) -> None:
    """Write the leaderboard's page from its entries."""
    from subliminal_bench import entries, leaderboard_page, results
    from subliminal_bench.leaderboard import rank

    root = leaderboard_folder(folder)
    page = root / "README.md"
    text = leaderboard_page.render(rank(entries.read(root / "entries")))
    if not check:
        results.write_atomically(page, text.encode())
        print(f"written: {page}")
    elif not page.is_file() or page.read_bytes() != text.encode():
        print(f"stale: {page} does not show its entries: run subliminal-bench leaderboard")
        raise typer.Exit(1)
    else:
        print(f"fresh: {page}")
