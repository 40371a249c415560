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
    from subliminal_bench import finding, leaderboard, references, results, scorecard
    from subliminal_bench import report as reports
    from subliminal_bench.entries import read
    from subliminal_bench.files import write_atomically
    from subliminal_bench.protocol import MNIST

    kept = open_store(store)
    found = [finding.find(name, protocol, kept) for name in dict.fromkeys(runs)]
    shared = results.same_protocol(found)
    cards = [scorecard.build(run, *references.at_hand(run, kept)) for run in found]
    is_ranked = shared == results.ProtocolRecord.of(MNIST)
    levels = leaderboard.rank(read(shown_leaderboard(folder) / "entries")) if is_ranked else []
    write_atomically(out, reports.render(cards, kept, levels).encode())
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
    from subliminal_bench import references, reproduction
    from subliminal_bench.files import write_atomically
    from subliminal_bench.protocol import MNIST
    from subliminal_bench.reproduction import first_order
    from subliminal_bench.reproduction import published as publications

    kept = open_store(store)
    given = publications.read(published) if published else publications.NOTHING
    runs = references.finished(MNIST, kept)
    files = reproduction.files(runs, kept, given, first_order.measure())
    # The page last: where it stands, everything that it names does.
    for name, content in files.items():
        write_atomically(out / name, content)
    print(files["README.md"].decode())
    print(f"written: {out}")
