"""A benchmark and regression suite for mitigations of subliminal learning."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from subliminal_bench.api import Finished, compare, leaderboard_frame, run, score
    from subliminal_bench.card import Card, Parameter
    from subliminal_bench.hooks import Step, Training, hookimpl

__all__ = [
    "Card",
    "Finished",
    "Parameter",
    "Step",
    "Training",
    "__version__",
    "compare",
    "hookimpl",
    "leaderboard_frame",
    "run",
    "score",
]
__version__ = "0.1.0"

_HOMES = {
    **dict.fromkeys(("Card", "Parameter"), "card"),
    **dict.fromkeys(("Step", "Training", "hookimpl"), "hooks"),
    **dict.fromkeys(("Finished", "compare", "leaderboard_frame", "run", "score"), "api"),
}


def __getattr__(name: str) -> Any:
    """Load torch only when something that needs it is asked for: `--help` must be instant."""
    if name in _HOMES:
        return getattr(import_module(f"subliminal_bench.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
