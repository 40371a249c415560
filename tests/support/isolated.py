"""Mitigations in a process of their own, and the bits that come of them."""

from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from subliminal_bench.conformance.small import differing
from subliminal_bench.mitigation.isolation import process
from subliminal_bench.mitigation.isolation.bubblewrap import Lack, find_bubblewrap
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.mitigation.isolation.proxy import IsolatedMitigation, load_isolated
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from tests.support.plugins_for_tests import write

Cohorts = Callable[..., Cohort]

_FOUND = find_bubblewrap()
needs_sandbox = pytest.mark.skipif(
    isinstance(_FOUND, Lack), reason=f"no sandbox here: {getattr(_FOUND, 'reason', '')}"
)


def remove_sandbox(patch: pytest.MonkeyPatch) -> None:
    """Make this machine one that has no sandbox."""
    patch.setattr(process, "find_bubblewrap", lambda: Lack("none in this test", "have one"))


def cases(names: Collection[str], *quick: str) -> list[ParameterSet]:
    """One case a name: every process takes a second to start, so most run with `-m slow`."""
    assert set(quick) <= set(names)
    return [
        pytest.param(name, marks=[] if name in quick else [pytest.mark.slow], id=name)
        for name in names
    ]


def isolated(folder: Path, text: str, limits: Limits | None = None) -> IsolatedMitigation:
    """A mitigation's file, loaded in a process of its own."""
    return load_isolated(str(write(folder / "idea.py", text)), limits=limits)


def same(first: list[Outcome], second: list[Outcome]) -> bool:
    """Curves, parameters, metrics and what moved the weights, to the bit."""
    return all(
        not differing(one, other)
        and (one.metrics, one.weight_change) == (other.metrics, other.weight_change)
        for one, other in zip(first, second, strict=True)
    )
