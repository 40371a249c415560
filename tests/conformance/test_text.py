"""No line of a result is wider than 80 columns."""

import pytest

from subliminal_bench.conformance import CHECKS, Result, State, text


@pytest.mark.parametrize("state", State)
def test_no_line_of_a_result_is_wider_than_80_columns(state: State) -> None:
    said = "a reason of some length " * 8
    lines = [
        line
        for check in CHECKS.values()
        for line in text.line(Result(check, state, said)).splitlines()
    ]
    assert max(map(len, lines)) <= 80
