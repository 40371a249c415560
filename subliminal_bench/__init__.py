"""A benchmark and regression suite for mitigations of subliminal learning."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from subliminal_bench.card import Card, Parameter
    from subliminal_bench.hooks import Step, Training, hookimpl

__all__ = ["Card", "Parameter", "Step", "Training", "__version__", "hookimpl"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load torch only when something that needs it is asked for: `--help` must be instant."""
    if name in __all__:
        home = "card" if name in ("Card", "Parameter") else "hooks"
        return getattr(import_module(f"subliminal_bench.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
