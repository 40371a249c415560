"""A bound of a ratio is where the t test of numerator - ratio * denominator is at its limit."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, stats

from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.statistics.values import Array
from tests.support.examples import many, modest
from tests.support.simulated import assert_about

# Whole numbers tell exactly what does not vary.
ticks = st.integers(-100, 100)
seeds = st.lists(st.tuples(ticks, ticks), min_size=2, max_size=15)
RUNS = 6_000
confidences = st.floats(0.55, 0.999)


def split(values: list[tuple[int, int]]) -> tuple[Array, Array]:
    # Denominators lean above zero, as gains do.
    return (
        np.array([a / 100 for a, _ in values]),
        np.array([b / 100 + 1 for _, b in values]),
    )


def t_of(numerator: Array, denominator: Array, ratio: float) -> float:
    rest = numerator - ratio * denominator
    return float(rest.mean() / (rest.std(ddof=1) / math.sqrt(rest.size)))


def covered(number: int, confidence: float) -> float:
    """How often the bound lies above the true ratio of -.4.

    A gain of 1 has an SD of .3, and the difference is correlated with it.
    """
    rng = np.random.default_rng(20 + number)
    gain = 1 + 0.3 * rng.normal(size=(RUNS, number))
    difference = -0.4 + 0.2 * rng.normal(size=gain.shape) - 0.2 * (gain - 1)
    bounds = [
        statistics.ratio_bound(a, b, confidence) for a, b in zip(difference, gain, strict=True)
    ]
    return float((np.array(bounds) > -0.4).mean())


class TestRatioBound:
    @many
    @given(seeds, confidences)
    def test_it_inverts_the_t_test(
        self, values: list[tuple[int, int]], confidence: float
    ) -> None:
        numerator, denominator = split(values)
        ratio = float(numerator.mean() / denominator.mean()) if denominator.mean() else 0.0
        assume((numerator - ratio * denominator).std() > 1e-6)
        quantile = float(stats.t.ppf(confidence, len(values) - 1))
        high = statistics.ratio_bound(numerator, denominator, confidence)
        low = statistics.ratio_bound(numerator, denominator, 1 - confidence)
        sd = float(denominator.std(ddof=1))
        limit = quantile * sd / math.sqrt(len(values))
        assume(abs(float(denominator.mean()) - limit) > 1e-6)
        if denominator.mean() < limit:
            assert (low, high) == (-math.inf, math.inf)
            return
        assume(max(high - ratio, ratio - low) < 1e6)
        for bound, wanted in ((high, -quantile), (low, quantile)):
            step = bound - ratio
            root = optimize.brentq(
                lambda at, wanted=wanted: t_of(numerator, denominator, at) - wanted,
                ratio,
                ratio + 1.5 * step,
                xtol=1e-12,
            )
            assert bound == pytest.approx(root, rel=1e-5, abs=1e-8)

    @modest
    @given(seeds, confidences, st.floats(-5, 5))
    def test_a_multiple_of_the_denominator_moves_the_bound_by_as_much(
        self, values: list[tuple[int, int]], confidence: float, multiple: float
    ) -> None:
        numerator, denominator = split(values)
        one = statistics.ratio_bound(numerator, denominator, confidence)
        assume(abs(one) < 1e3)
        other = statistics.ratio_bound(
            numerator + multiple * denominator, denominator, confidence
        )
        assert other == pytest.approx(one + multiple, abs=1e-6)

    @modest
    @given(seeds, confidences)
    def test_the_lower_bound_mirrors_the_upper_one(
        self, values: list[tuple[int, int]], confidence: float
    ) -> None:
        numerator, denominator = split(values)
        high = statistics.ratio_bound(numerator, denominator, confidence)
        low = statistics.ratio_bound(-numerator, denominator, 1 - confidence)
        assert low == pytest.approx(-high, rel=1e-6)

    @modest
    @given(seeds, confidences)
    def test_more_confidence_lies_further_out(
        self, values: list[tuple[int, int]], confidence: float
    ) -> None:
        numerator, denominator = split(values)
        near = statistics.ratio_bound(numerator, denominator, confidence)
        far = statistics.ratio_bound(numerator, denominator, (1 + confidence) / 2)
        assert far >= near or far == pytest.approx(near)
        if denominator.mean() > 0 and near < math.inf:
            assert near >= numerator.mean() / denominator.mean() - 1e-9

    @pytest.mark.parametrize("confidence", [0.025, 0.975])
    def test_an_equal_denominator_leaves_students_bound(self, confidence: float) -> None:
        numerator = np.array([0.1, 0.4, 0.3, 0.6])
        bound = statistics.ratio_bound(numerator, np.full(4, 0.1 + 0.2), confidence)
        error = numerator.std(ddof=1) / 2
        assert bound == pytest.approx(
            (numerator.mean() + stats.t.ppf(confidence, 3) * error) / 0.3
        )

    @pytest.mark.parametrize("confidence", [0.025, 0.975])
    def test_a_ratio_that_is_the_same_on_every_seed_is_its_own_bound(
        self, confidence: float
    ) -> None:
        denominator = np.array([0.4, 0.5, 0.6, 0.8])
        assert statistics.ratio_bound(
            -0.3 * denominator, denominator, confidence
        ) == pytest.approx(-0.3, abs=1e-15)
        assert statistics.ratio_bound(np.zeros(4), denominator, confidence) == 0
        assert statistics.ratio_bound(np.full(4, 0.3), np.full(4, 0.2), confidence) == 0.3 / 0.2

    @pytest.mark.parametrize(
        "denominator", [[0.0, 0.0, 0.0], [-1.0, -1.0, -1.0], [1.0, -2.0, 1.0], [1.0, 9.0, -2.0]]
    )
    def test_without_a_denominator_above_zero_nothing_is_bounded(
        self, denominator: list[float]
    ) -> None:
        for numerator in ([0.1, 0.2, 0.3], [0.0, 0.0, 0.0]):
            assert statistics.ratio_bound(numerator, denominator, 0.975) == math.inf
            assert statistics.ratio_bound(numerator, denominator, 0.025) == -math.inf

    def test_rounding_is_no_denominator(self) -> None:
        denominator = np.array([3e-16, 4e-16, 5e-16])
        assert math.isfinite(statistics.ratio_bound(np.ones(3), denominator, 0.9))
        assert statistics.ratio_bound(np.ones(3), denominator, 0.9, rounding=1e-12) == math.inf

    @pytest.mark.parametrize("confidence", [0.0, 0.5, 1.0, 95.0, math.nan])
    def test_a_confidence_without_a_side_is_refused(self, confidence: float) -> None:
        with pytest.raises(ValueError, match="confidence"):
            statistics.ratio_bound([0.1, 0.2], [1.0, 1.1], confidence)

    def test_one_seed_and_unpaired_seeds_are_refused(self) -> None:
        with pytest.raises(ValueError, match="two seeds"):
            statistics.ratio_bound([0.1], [1.0], 0.95)
        with pytest.raises(ValueError, match="same seeds"):
            statistics.ratio_bound([0.1, 0.2], [1.0], 0.95)

    @pytest.mark.parametrize("number", [10, 50])
    @pytest.mark.parametrize("confidence", [0.05, 0.975])
    def test_it_covers_as_often_as_it_says(self, number: int, confidence: float) -> None:
        assert_about(covered(number, confidence), confidence, RUNS)

    def test_bounds_at_infinity_cover_more_often(self) -> None:
        # At three seeds, a gain is often not shown to be above zero.
        assert_about(covered(3, 0.975), 0.980, RUNS)
