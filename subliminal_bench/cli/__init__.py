"""The command line: one file per command, with the command's name.

Heavy modules are imported inside the commands, so that `--help` is instant.
"""

from collections.abc import Callable

from subliminal_bench.cli import (
    breaking,
    check,
    compare,
    doctor,
    explain,
    export,
    grid,
    leaderboard,
    list,
    new,
    regress,
    report,
    reproduce,
    rescore,
    run,
    score_submission,
    site,
    store,
    study,
    submit,
    verify,
)
from subliminal_bench.cli.program import app, main

__all__ = ["app", "main"]

# In the order in which `--help` shows them.
_COMMANDS: dict[str, Callable[..., None]] = {
    "run": run.run,
    "grid": grid.grid,
    "study": study.study,
    "new": new.new,
    "check": check.check,
    "list": list.list_mitigations,
    "export": export.export,
    "rescore": rescore.rescore,
    "compare": compare.compare,
    "report": report.report,
    "reproduce": reproduce.reproduce,
    "submit": submit.submit,
    "score-submission": score_submission.score_submission,
    "leaderboard": leaderboard.leaderboard,
    "site": site.site,
    "regress": regress.regress,
    "verify": verify.verify,
    "break": breaking.break_entry,
    "doctor": doctor.doctor,
    "explain": explain.explain,
}

for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
app.add_typer(store.app, name="store")
