"""The checks as tests, one test per check."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import pytest

from subliminal_bench.conformance.checks import CHECKS
from subliminal_bench.conformance.claim import Check
from subliminal_bench.conformance.kit import State, run
from subliminal_bench.conformance.subject import Subject


def hold(one: Check[Subject], subject: Subject, expected: str | None = None) -> None:
    """Run a check: fail the test in one line, or skip it if the check does not apply.

    What a check only marks is a warning.

    Args:
        one: the check.
        subject: the mitigation to check.
        expected: the reason for a declared failure, if one is declared.
    """
    result = run(one, subject, expected)
    if result.state is State.UNTOLD:
        pytest.fail(f"{result.state.value} {result.detail}", pytrace=False)
    if not result.good:
        pytest.fail(f"{result.detail} - {one.fix}", pytrace=False)
    if result.state is State.MARKED:
        warnings.warn(f"{one.name}: {result.detail}", stacklevel=2)
    if result.state is State.SKIPPED:
        pytest.skip(result.detail)


def parametrize(
    spec: str,
    settings: Sequence[str] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> Any:
    """A decorator that turns every check into one test.

    Args:
        spec: the mitigation, as on the command line.
        settings: `name=value` each.
        expected_failures: names of checks that must fail, each with the reason.

    Example:
        >>> from subliminal_bench import conformance
        >>> @conformance.parametrize("my_idea.py")
        ... def test_my_idea_keeps_the_rules(check):
        ...     check()
    """
    expected = dict(expected_failures or {})
    unknown = sorted(expected.keys() - CHECKS.keys())
    if unknown:
        raise pytest.UsageError(
            f"unknown checks {', '.join(unknown)}; known: {', '.join(CHECKS)}"
        )
    # All checks of a mitigation share the students that they train.
    subject = cache(lambda: Subject(spec, settings))
    held = [partial(_held, one, subject, expected.get(name)) for name, one in CHECKS.items()]
    return pytest.mark.parametrize("check", held, ids=list(CHECKS))


def _held(one: Check[Subject], subject: Callable[[], Subject], expected: str | None) -> None:
    hold(one, subject(), expected)
