"""Results of the conformance kit as text."""

import textwrap
from collections import Counter
from collections.abc import Sequence

from subliminal_bench.conformance import Result, State

_WIDTH = 80
_MARKS = {
    State.PASSED: "pass",
    State.FAILED: "FAIL",
    State.EXPECTED: "fail",
    State.UNEXPECTED: "PASS",
    State.MARKED: "mark",
    State.SKIPPED: "-",
    State.UNTOLD: "?",
}


def line(result: Result) -> str:
    """One line if a check passed; else the claim, what was found, the reason and the fix."""
    check = result.check
    said = f"{_MARKS[result.state]:4s}  {check.name}"
    if result.state is State.PASSED:
        return said
    if result.state not in (State.FAILED, State.MARKED):
        colon = "" if result.state is State.UNTOLD else ":"
        text = f"{said}: {result.state.value}{colon} {result.detail}"
        return textwrap.fill(text, _WIDTH, subsequent_indent=" " * 6)
    rows = (
        ("claim", check.claim),
        ("found", result.detail),
        ("why", check.why),
        ("fix", check.fix),
    )
    return "\n".join([said, *(_row(name, text) for name, text in rows)])


def _row(name: str, text: str) -> str:
    first = f"      {name + ':':7s}"
    return textwrap.fill(text, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first))


def summary(results: Sequence[Result]) -> str:
    """The number of checks with each outcome."""
    counted = Counter(result.state for result in results)
    return ", ".join(f"{counted[state]} {state.value}" for state in State if counted[state])
