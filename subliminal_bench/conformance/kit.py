"""Running the checks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import torch

from subliminal_bench.conformance.checks import CHECKS, Check
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
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    EXPECTED = "failed as expected"
    UNEXPECTED = "passed, though a failure was declared"
    SKIPPED = "does not apply"
    UNTOLD = "cannot be told"


@dataclass(frozen=True)
class Result:
    """One check's result.

    Attributes:
        check: which.
        state: what came of it.
        detail: what is wrong, why it does not apply, or the declared reason.
    """

    check: Check
    state: State
    detail: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing has to be done."""
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
        spec: what a user would call it.
        settings: `name=value` each.
        only: names of the checks to run; all when left out.
        expected_failures: names of checks that must fail, each with the reason.
        secret: draws what the mitigation must not know; another one each time by default.

    Raises:
        MitigationError: an unknown check is named, or there is no such mitigation.
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
        # What it exchanged must not outlive it.
        subject.harness.changed()


def run(one: Check, subject: Subject, expected: str | None = None) -> Result:
    """Run one check.

    Args:
        one: the check.
        subject: on what.
        expected: why a failure is declared, where it is.
    """
    try:
        skipped = one.skip(subject)
        if skipped:
            return Result(one, State.SKIPPED, skipped)
        failing = [name for name in one.needs if CHECKS[name].find(subject)]
        if failing:
            return _untold(one, failing[0])
        found = one.find(subject)
    except NoSuchMitigationError:
        raise
    except BenchmarkError as error:
        # A fault that ends every training is told by the check that it belongs to.
        owner = next(name for kind, name in _OWNERS.items() if isinstance(error, kind))
        if owner != one.name:
            return _untold(one, owner)
        found = str(error)
    except SystemExit:
        found = "it ends the whole process"
    if expected is not None:
        return Result(one, State.EXPECTED if found else State.UNEXPECTED, expected)
    return Result(one, State.FAILED, found) if found else Result(one, State.PASSED)


def _untold(one: Check, failing: str) -> Result:
    return Result(one, State.UNTOLD, f"while {failing} fails")


# Which check a fault belongs to; the first kind that fits.
_OWNERS: dict[type[BenchmarkError], str] = {
    AccessError: "blind",
    ChangedInputError: "inputs_untouched",
    NotFiniteError: "finite",
    SurroundingsError: "surroundings_untouched",
    HookError: "right_shapes",
    BenchmarkError: "loads",
}
