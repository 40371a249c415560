"""Pages about finished runs."""

from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    LeaderboardOption,
    StoreOption,
    open_store,
    shown_leaderboard,
)


def report(
    runs: Annotated[list[str], typer.Argument(help="Names in the store, or files of runs.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Page to write.")] = Path(
        "report.html"
    ),
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="Needed where the store has them under both."),
    ] = None,
    folder: LeaderboardOption = None,
    store: StoreOption = None,
) -> None:
    """Write one self-contained page about finished runs: verdict, curves, every seed."""
    from subliminal_bench.experiment.protocol import MNIST
    from subliminal_bench.reports.page import render_report
    from subliminal_bench.results.entries import read_entries
    from subliminal_bench.results.files import write_atomically
    from subliminal_bench.results.lookup import find_run
    from subliminal_bench.results.reference_runs import finished_references
    from subliminal_bench.results.run import ProtocolRecord, same_protocol
    from subliminal_bench.scoring.ranking import rank_entries
    from subliminal_bench.scoring.scorecard import build_scorecard

    kept = open_store(store)
    found = [find_run(name, protocol, kept) for name in dict.fromkeys(runs)]
    shared = same_protocol(found)
    cards = [build_scorecard(run, *finished_references(run, kept)) for run in found]
    is_ranked = shared == ProtocolRecord.of(MNIST)
    levels = (
        rank_entries(read_entries(shown_leaderboard(folder) / "entries")) if is_ranked else []
    )
    write_atomically(out, render_report(cards, kept, levels).encode())
    print(f"written: {out}")


def reproduce(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write.")] = Path(
        "reproduction"
    ),
    published: Annotated[
        Path | None,
        typer.Option("--published", help="Folder with the paper's per-seed results as CSV."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write the paper's table and figures beside ours, from finished mnist runs."""
    from subliminal_bench.experiment.protocol import MNIST
    from subliminal_bench.reports.reproduction.folder import reproduction_files
    from subliminal_bench.reports.reproduction.published import NOTHING, read_published
    from subliminal_bench.results.files import write_atomically
    from subliminal_bench.results.reference_runs import longest_references
    from subliminal_bench.training.first_order import measure_first_order

    kept = open_store(store)
    given = read_published(published) if published else NOTHING
    runs = longest_references(MNIST, kept)
    files = reproduction_files(runs, kept, given, measure_first_order())
    # The page last: where it stands, everything that it names does.
    for name, content in files.items():
        write_atomically(out / name, content)
    print(files["README.md"].decode())
    print(f"written: {out}")
