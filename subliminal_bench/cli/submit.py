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
            help="A .csv file with a line for each setting that you tried, if you tried any. "
            "The log of `study` says the other three itself.",
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
    from subliminal_bench.results.tuned import ranking_seeds
    from subliminal_bench.results.tuning_log import read_facts
    from subliminal_bench.verification.prepare import TuningLog, prepare_submission

    tuning = None
    if any((tuning_log, trials, space, tuned_on)):
        facts = read_facts(tuning_log) if tuning_log else None
        if facts:
            trials, space = trials or facts.trials, space or facts.space
            tuned_on = tuned_on or facts.seeds
        if not (tuning_log and trials and space and tuned_on):
            raise ResultError(
                "a tuned mitigation says all of it: give --tuning-log, --trials, --space and "
                "--tuned-on, or the log of a study alone"
            )
        tuning = TuningLog(trials, space, tuned_on, tuning_log)
    root = leaderboard_folder(folder)
    made = prepare_submission(mitigation, settings or [], root, tuning, replace)
    for name in made.files:
        print(f"written: {made.folder / name}")
    if tuning is None:
        print(
            "it says that no setting was tuned: if you tried any, name them with --tuning-log"
        )
    elif wrong := ranking_seeds(tuning.seeds):
        print(f"it will have no rank: {wrong}")
    command = f"subliminal-bench score-submission {shlex.quote(str(made.folder))}"
    print(f"rehearse it under mnist-5k: {command} --rehearse")
    print("then open a pull request that adds this folder and nothing else\n")
    print(pull_request(made).text)
