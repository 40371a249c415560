"""`report`: write a page about finished runs."""

from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    FinishedTracksOption,
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
    track: FinishedTracksOption = None,
    folder: LeaderboardOption = None,
    store: StoreOption = None,
) -> None:
    """Write a page about finished runs.

    The page is self-contained; it shows the verdict, the curves and every seed. With --track,
    it also shows the same mitigation on several tracks.
    """
    from subliminal_bench.experiment.protocol import CANONICAL
    from subliminal_bench.reports.page import render_report
    from subliminal_bench.results.files import write_atomically
    from subliminal_bench.results.lookup import find_on, find_run, finished_references
    from subliminal_bench.results.run import ProtocolRecord, same_protocol
    from subliminal_bench.running.tracks import tracks_named
    from subliminal_bench.scoring.finished_tracks import scored_on_tracks
    from subliminal_bench.scoring.ranking import rank_folder
    from subliminal_bench.scoring.scorecard import build_scorecard

    kept = open_store(store)
    tracks = tracks_named(track) if track is not None else ()
    found = [
        find_on(name, tracks, kept)
        if tracks and not protocol
        else find_run(name, protocol, kept)
        for name in dict.fromkeys(runs)
    ]
    is_ranked = same_protocol(found) == ProtocolRecord.of(CANONICAL)
    cards = [build_scorecard(run, *finished_references(run, kept)) for run in found]
    root = shown_leaderboard(folder)
    levels = rank_folder(root) if is_ranked else []
    robust = scored_on_tracks(found, tracks, kept, root) if tracks else []
    write_atomically(out, render_report(cards, kept, levels, root, robust).encode())
    print(f"written: {out}")
