"""A benchmark and regression suite for mitigations of subliminal learning."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from subliminal_bench.threads import sleep_soon
from subliminal_bench.version import __version__

if TYPE_CHECKING:
    from subliminal_bench.api import (
        Finished,
        FinishedTracks,
        ablate,
        compare,
        find_study,
        grid,
        leaderboard_frame,
        run,
        run_on_tracks,
        score,
        study,
    )
    from subliminal_bench.errors import BenchmarkError
    from subliminal_bench.experiment.protocol import Protocol
    from subliminal_bench.experiment.tracks import PROTOCOLS
    from subliminal_bench.mitigation.card import Card, Parameter
    from subliminal_bench.mitigation.hooks import Step, Training, hookimpl
    from subliminal_bench.reading.plugins.reader_card import ReaderCard
    from subliminal_bench.reading.plugins.shown_model import Model
    from subliminal_bench.results.run import Run
    from subliminal_bench.scoring.scorecard import Scorecard

__all__ = [
    "PROTOCOLS",
    "BenchmarkError",
    "Card",
    "Finished",
    "FinishedTracks",
    "Model",
    "Parameter",
    "Protocol",
    "ReaderCard",
    "Run",
    "Scorecard",
    "Step",
    "Training",
    "__version__",
    "ablate",
    "compare",
    "find_study",
    "grid",
    "hookimpl",
    "leaderboard_frame",
    "run",
    "run_on_tracks",
    "score",
    "study",
]

_HOMES = {
    **dict.fromkeys(("Finished", "compare", "leaderboard_frame", "run", "score"), "api"),
    **dict.fromkeys(("FinishedTracks", "run_on_tracks"), "api"),
    **dict.fromkeys(("ablate", "find_study", "grid", "study"), "api"),
    "BenchmarkError": "errors",
    "PROTOCOLS": "experiment.tracks",
    "Protocol": "experiment.protocol",
    **dict.fromkeys(("Card", "Parameter"), "mitigation.card"),
    **dict.fromkeys(("Step", "Training", "hookimpl"), "mitigation.hooks"),
    "Model": "reading.plugins.shown_model",
    "ReaderCard": "reading.plugins.reader_card",
    "Run": "results.run",
    "Scorecard": "scoring.scorecard",
}


def __getattr__(name: str) -> Any:
    """Import torch only when a name that needs it is accessed, so that `--help` is instant."""
    if name in _HOMES:
        if _HOMES[name] == "api":
            # Before torch is loaded; afterwards it is too late.
            sleep_soon()
        return getattr(import_module(f"subliminal_bench.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
