"""`site`: write the leaderboard as static pages."""

from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import LeaderboardOption, leaderboard_folder


def site(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write.")] = Path("site"),
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; fail if the folder holds other pages."),
    ] = False,
    folder: LeaderboardOption = None,
) -> None:
    """Write the leaderboard as static pages.

    The pages are made from committed files alone and open from disk.
    """
    from subliminal_bench.reports.site.pages import render_site
    from subliminal_bench.reports.site.written import stale_pages, write_site

    pages = render_site(leaderboard_folder(folder))
    if not check:
        write_site(out, pages)
        print(f"written: {len(pages)} pages; open {out / 'index.html'}")
        return
    stale = stale_pages(out, pages)
    for name in stale:
        print(f"stale: {out / name}")
    if stale:
        print("run subliminal-bench site")
        raise typer.Exit(1)
    print(f"fresh: {out}")
