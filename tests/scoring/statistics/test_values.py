"""Values that cannot be compared are refused, and rounding is no difference."""

import pytest

from subliminal_bench.scoring import statistics
from tests.support.accuracies import some_p


def test_a_reference_that_differs_by_rounding_alone_is_no_difference() -> None:
    entry = [0.1 + 0.2, 0.7 + 0.1, 0.3, 0.4, 0.5, 0.6]
    reference = [0.3, 0.8, 0.3, 0.4, 0.5, 0.6]
    assert entry != reference
    assert some_p(entry, reference) == 1.0


@pytest.mark.parametrize(
    ("entry", "reference", "message"),
    [
        ([], [], "one number per seed"),
        ([0.1, 0.2], [0.1], "same seeds"),
        ([0.1, float("nan")], [0.1, 0.2], "entry: seed index 1 is nan"),
        ([0.1, 0.2], [float("inf"), 0.2], "reference: seed index 0 is inf"),
    ],
)
def test_values_that_cannot_be_compared_are_refused_by_name(
    entry: list[float], reference: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        statistics.paired_difference(entry, reference)
