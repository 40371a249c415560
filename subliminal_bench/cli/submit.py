"""`submit`: prepare the folder of a submission."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import LeaderboardOption, SetOption, leaderboard_folder


def submit(
    mitigation: Annotated[
        str, typer.Argument(help="Your mitigation's .py file, or file.py:attribute.")
    ],
    settings: SetOption = None,
    tuning_log: Annotated[
        Path | None,
        typer.Option(
            "--tuning-log",
            help="A .csv file with a line for each setting that you tried, if you tried any.",
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="How many settings you tried.")
    ] = None,
    space: Annotated[
        str | None, typer.Option("--space", help="Which settings you tried, in words.")
    ] = None,
    tuned_on: Annotated[
        str | None, typer.Option("--tuned-on", help="The seeds that you tried them on.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite a submission of the same name.")
    ] = False,
    folder: LeaderboardOption = None,
) -> None:
    """Prepare a submission: a folder with your source, and no numbers.

    Whoever scores it runs the source and makes the numbers.
    """
    from subliminal_bench.errors import ResultError
    from subliminal_bench.reports.pull_request import pull_request
    from subliminal_bench.verification.prepare import TuningLog, prepare_submission

    tuned = (tuning_log, trials, space, tuned_on)
    tuning = None
    if any(tuned):
        if not (tuning_log and trials and space and tuned_on):
            raise ResultError(
                "a tuned mitigation says all of it: give --tuning-log, --trials, --space and "
                "--tuned-on"
            )
        tuning = TuningLog(trials, space, tuned_on, tuning_log)
    root = leaderboard_folder(folder)
    made = prepare_submission(mitigation, settings or [], root, tuning, replace)
    for name in made.files:
        print(f"written: {made.folder / name}")
    command = f"subliminal-bench score-submission {shlex.quote(str(made.folder))}"
    print(f"rehearse it under mnist-5k: {command} --rehearse")
    print("then open a pull request that adds this folder and nothing else\n")
    print(pull_request(made).text)
