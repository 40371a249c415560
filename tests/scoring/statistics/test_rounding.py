"""What other arithmetic may add is counted as uncertainty, and never as evidence."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.scoring.statistics import (
    non_inferiority,
    paired_difference,
    rounding_allowance,
)

SEEDS = st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=12)
SDS = st.floats(0, 0.1)


@given(SEEDS, SDS, SDS)
def test_more_rounding_never_makes_a_difference_clearer(
    found: list[float], one: float, other: float
) -> None:
    zero = [0.0] * len(found)
    less, more = (paired_difference(found, zero, rounding_sd=sd) for sd in sorted((one, other)))
    assert less.mean == more.mean
    assert more.low is not None
    assert less.low is not None
    assert more.low <= less.low
    assert more.high is not None
    assert less.high is not None
    assert more.high >= less.high
    assert less.p_value is not None
    assert more.p_value is not None
    assert more.p_value >= less.p_value - 1e-12


@given(SEEDS, SDS, SDS)
def test_more_rounding_never_widens_or_narrows_the_verdict_on_distillation_to_a_surer_one(
    logs: list[float], one: float, other: float
) -> None:
    entry, reference = list(np.exp(logs)), [1.0] * len(logs)
    less, more = (
        non_inferiority(entry, reference, rounding_sd=sd) for sd in sorted((one, other))
    )
    assert more.verdict in (less.verdict, "not shown")
    assert more.high is not None
    assert less.high is not None
    assert more.high >= less.high


def test_a_mean_within_the_allowance_is_no_difference_at_all() -> None:
    found = paired_difference([0.011, 0.009] * 5, [0.0] * 10, rounding_sd=0.0106)
    assert rounding_allowance(0.0106, 10) > 0.01
    assert found.p_value == 1.0


def test_bounds_lie_further_out_by_exactly_the_allowance() -> None:
    entry, reference = [0.4, 0.5, 0.45], [0.5, 0.55, 0.52]
    plain = paired_difference(entry, reference)
    wide = paired_difference(entry, reference, rounding_sd=0.01)
    assert wide.low is not None
    assert plain.low is not None
    assert wide.low == pytest.approx(plain.low - 0.03 / math.sqrt(3))


@pytest.mark.parametrize(("sd", "seeds"), [(-1.0, 3), (math.nan, 3), (math.inf, 3), (1.0, 0)])
def test_an_impossible_allowance_is_refused(sd: float, seeds: int) -> None:
    with pytest.raises(ValueError, match=r"SD|seeds"):
        rounding_allowance(sd, seeds)
