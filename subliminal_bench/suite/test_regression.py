"""The references still give their committed numbers, one entry per test."""

import pytest

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.pytest_plugin.session import SPELLING, Regressions
from subliminal_bench.verification.regression import Status, gravest, listed_entries

pytestmark = [
    pytest.mark.usefixtures("named_after_the_suite"),
    pytest.mark.filterwarnings("ignore::pytest.PytestExperimentalApiWarning"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per entry that the command line names."""
    try:
        names = listed_entries(metafunc.config.getoption("--subliminal-entries"))
    except BenchmarkError as error:
        raise pytest.Collector.CollectError(error.line(SPELLING)) from None
    metafunc.parametrize("entry", names)


def test_it_gives_its_reference_numbers(entry: str, regressions: Regressions) -> None:
    """Seed by seed, within the measured float chaos."""
    findings = regressions.of(entry)
    if gravest(findings) is not Status.PASSED:
        pytest.fail("\n".join(finding.line for finding in findings), pytrace=False)
