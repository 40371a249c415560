"""`parametrize` makes a test of every check."""

import pytest

from subliminal_bench import conformance
from subliminal_bench.conformance import CHECKS
from tests.support.broken import BROKEN
from tests.support.checked import BY_HEART, QUICK
from tests.support.plugins_for_tests import write

pytest_plugins = ["pytester"]


def test_parametrize_makes_a_test_of_every_check(pytester: pytest.Pytester) -> None:
    text = BROKEN["norm over the cohort"].source
    write(pytester.path / "cohort.py", text)
    pytester.makepyfile(
        "from subliminal_bench import conformance\n\n"
        "WHY = {'any_cohort_size': 'by design', 'finite': 'not so'}\n\n"
        "@conformance.parametrize('cohort.py', expected_failures=WHY)\n"
        "def test_rules(check):\n    check()\n\n"
        "@conformance.parametrize('projection')\n"
        "def test_oracle(check):\n    check()\n"
    )
    result = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-v", "-rs", "-k", f"not {BY_HEART}"
    )
    # Failed: the undeclared fault, and the declaration that nothing bears out.
    result.assert_outcomes(
        passed=2 * len(QUICK) - 3, failed=2, skipped=1, deselected=len(CHECKS) - len(QUICK) + 1
    )
    said = result.stdout.str()
    for name in QUICK:
        assert f"test_rules[{name}]" in said
    assert "test_rules[students_independent] FAILED" in said
    assert "test_rules[finite] FAILED" in said
    assert "test_rules[any_cohort_size] PASSED" in said
    assert CHECKS["students_independent"].fix in said
    assert "Traceback" not in said


def test_parametrize_refuses_a_declared_failure_of_no_check() -> None:
    with pytest.raises(pytest.UsageError, match="unknown checks finit; known: loads"):
        conformance.parametrize("baseline", expected_failures={"finit": "why"})
