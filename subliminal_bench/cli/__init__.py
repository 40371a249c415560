"""The command line. Everything heavy is imported inside the commands: `--help` is instant.

Each subject has its own file.
"""

from collections.abc import Callable

from subliminal_bench.cli.authoring import check, list_mitigations, new
from subliminal_bench.cli.diagnosing import doctor
from subliminal_bench.cli.program import app, main
from subliminal_bench.cli.publishing import leaderboard, submit
from subliminal_bench.cli.reading import compare, export
from subliminal_bench.cli.regressing import regress
from subliminal_bench.cli.reporting import report, reproduce
from subliminal_bench.cli.running import run
from subliminal_bench.cli.verifying import verify

__all__ = ["app", "main"]

# In the order in which `--help` shows them.
_COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "new": new,
    "check": check,
    "list": list_mitigations,
    "export": export,
    "compare": compare,
    "report": report,
    "reproduce": reproduce,
    "submit": submit,
    "leaderboard": leaderboard,
    "regress": regress,
    "verify": verify,
    "doctor": doctor,
}

for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
