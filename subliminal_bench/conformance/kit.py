"""Running the checks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch

from subliminal_bench.conformance.checks import CHECKS
from subliminal_bench.conformance.claim import Check, Checked
from subliminal_bench.conformance.subject import Subject
from subliminal_bench.errors import (
    AccessError,
    BenchmarkError,
    ChangedInputError,
    HookError,
    MitigationError,
    NoSuchMitigationError,
    NotFiniteError,
    SurroundingsError,
)


class State(Enum):
    """The outcome of a check."""

    PASSED = "passed"
    FAILED = "failed"
    EXPECTED = "failed as expected"
    UNEXPECTED = "passed, though a failure was declared"
    MARKED = "marked"
    SKIPPED = "does not apply"
    UNTOLD = "cannot be decided"


@dataclass(frozen=True)
class Result:
    """One check's result.

    Attributes:
        check: the check.
        state: its outcome.
        detail: what is wrong, why it does not apply, or the declared reason.
    """

    check: Check[Any]
    state: State
    detail: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing needs to be done."""
        return self.state not in (State.FAILED, State.UNEXPECTED, State.UNTOLD)


def check(
    spec: str,
    settings: Sequence[str] = (),
    only: Iterable[str] = CHECKS,
    expected_failures: Mapping[str, str] | None = None,
    secret: int | None = None,
) -> Iterator[Result]:
    """Run checks on a mitigation, one after another.

    Args:
        spec: the mitigation, as a user names it.
        settings: `name=value` each.
        only: names of the checks to run; by default all.
        expected_failures: names of checks that must fail, each with the reason.
        secret: seed for what the mitigation must not know; by default a new one each time.

    Raises:
        MitigationError: a check is unknown, or there is no such mitigation.
    """
    expected = dict(expected_failures or {})
    chosen = list(only)
    for name in (*chosen, *expected):
        if name not in CHECKS:
            raise MitigationError(f"unknown check {name!r}; known: {', '.join(CHECKS)}")
    return _results(Subject(spec, settings, secret), chosen, expected)


def _results(
    subject: Subject, chosen: Sequence[str], expected: Mapping[str, str]
) -> Iterator[Result]:
    threads = torch.get_num_threads()
    try:
        for name in chosen:
            yield run(CHECKS[name], subject, expected.get(name))
    finally:
        torch.set_num_threads(threads)
        # Restore what the mitigation replaced.
        subject.harness.changed()


def run(one: Check[Subject], subject: Subject, expected: str | None = None) -> Result:
    """Run one check of a mitigation.

    Args:
        one: the check.
        subject: the mitigation to check.
        expected: the reason for a declared failure, if one is declared.
    """
    return outcome(one, subject, expected, CHECKS, _OWNERS)


def outcome(
    one: Check[Checked],
    subject: Checked,
    expected: str | None,
    checks: Mapping[str, Check[Checked]],
    owners: Mapping[type[BenchmarkError], str],
) -> Result:
    """Run one check of any kind of plugin.

    Args:
        one: the check.
        subject: to check.
        expected: the reason for a declared failure, if one is declared.
        checks: all of this kind, by name.
        owners: the check that each kind of error belongs to; the first matching kind counts.
    """
    marks = one.marks
    try:
        skipped = one.skip(subject)
        if skipped:
            return Result(one, State.SKIPPED, skipped)
        failing = [name for name in one.needs if checks[name].find(subject)]
        if failing:
            return _untold(one, failing[0])
        found = one.find(subject)
    except NoSuchMitigationError:
        raise
    except BenchmarkError as error:
        # A fault that ends every training is reported only by the check that it belongs to.
        owner = next(name for kind, name in owners.items() if isinstance(error, kind))
        if owner != one.name:
            return _untold(one, owner)
        found = str(error)
    except SystemExit:
        found, marks = "it ends the whole process", False
    if expected is not None:
        return Result(one, State.EXPECTED if found else State.UNEXPECTED, expected)
    if not found:
        return Result(one, State.PASSED)
    return Result(one, State.MARKED if marks else State.FAILED, found)


def _untold(one: Check[Any], failing: str) -> Result:
    return Result(one, State.UNTOLD, f"while {failing} fails")


# The check that each kind of fault belongs to; the first matching kind counts.
_OWNERS: dict[type[BenchmarkError], str] = {
    AccessError: "within_access",
    ChangedInputError: "inputs_untouched",
    NotFiniteError: "finite",
    SurroundingsError: "surroundings_untouched",
    HookError: "right_shapes",
    BenchmarkError: "loads",
}
