"""Two seeds in lockstep, with and without a mitigation."""

from collections.abc import Callable

import pytest

from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.student import train_students
from tests.support.trained_pair import BASELINE


@pytest.fixture(scope="module")
def pair(tiny_cohort: Callable[..., Cohort]) -> Cohort:
    """Two seeds in lockstep."""
    return tiny_cohort(1, 2)


@pytest.fixture(scope="module")
def untouched(pair: Cohort) -> list[Outcome]:
    """What the two seeds come to without any mitigation."""
    return train_students(pair, BASELINE)
