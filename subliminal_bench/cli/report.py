"""`report`: write a page about finished runs."""

from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    LeaderboardOption,
    RunProtocolOption,
    RunsArgument,
    StoreOption,
    open_store,
    shown_leaderboard,
)


def report(
    runs: RunsArgument,
    out: Annotated[Path, typer.Option("-o", "--out", help="Page to write.")] = Path(
        "report.html"
    ),
    protocol: RunProtocolOption = None,
    folder: LeaderboardOption = None,
    store: StoreOption = None,
) -> None:
    """Write a page about finished runs.

    The page is self-contained; it shows the verdict, the curves and every seed.
    """
    from subliminal_bench.experiment.protocol import CANONICAL
    from subliminal_bench.reports.page import render_report
    from subliminal_bench.results.files import write_atomically
    from subliminal_bench.results.lookup import find_run, finished_references
    from subliminal_bench.results.run import ProtocolRecord, same_protocol
    from subliminal_bench.scoring.ranking import rank_folder
    from subliminal_bench.scoring.scorecard import build_scorecard

    kept = open_store(store)
    found = [find_run(name, protocol, kept) for name in dict.fromkeys(runs)]
    is_ranked = same_protocol(found) == ProtocolRecord.of(CANONICAL)
    cards = [build_scorecard(run, *finished_references(run, kept)) for run in found]
    root = shown_leaderboard(folder)
    levels = rank_folder(root) if is_ranked else []
    write_atomically(out, render_report(cards, kept, levels, root).encode())
    print(f"written: {out}")
