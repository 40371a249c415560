"""Looking at the place that the program runs in."""

from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    DataOption,
    LeaderboardOption,
    StoreOption,
    leaderboard_folder,
)


def doctor(
    store: StoreOption = None,
    data_dir: DataOption = None,
    folder: LeaderboardOption = None,
    form: Annotated[str, typer.Option("--format", help="terminal or json.")] = "terminal",
) -> None:
    """Show versions, device, data and store, and what is to mend; exit code 1 where it is."""
    from subliminal_bench.cli import doctor_text
    from subliminal_bench.cli.doctor_facts import examine
    from subliminal_bench.errors import ResultError
    from subliminal_bench.reports.formats import checked_format

    checked_format(form, doctor_text.FORMATS)
    board: Path | None
    try:
        board = leaderboard_folder(folder)
    except ResultError:
        if folder is not None:
            raise
        board = None
    findings = examine(store, data_dir, board)
    print(doctor_text.render(findings, form))
    raise typer.Exit(0 if all(one.good for one in findings) else 1)
