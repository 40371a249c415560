"""A distillation is kept exactly when its bound is below the margin."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from subliminal_bench.scoring import statistics
from tests.support.examples import modest

kls = st.floats(1e-6, 1.0)


class TestNonInferiority:
    @modest
    @given(st.lists(st.tuples(kls, kls), min_size=2, max_size=20), st.floats(1, 3))
    def test_kept_exactly_when_the_upper_bound_is_below_the_margin(
        self, seeds: list[tuple[float, float]], margin: float
    ) -> None:
        found = statistics.non_inferiority(*zip(*seeds, strict=True), margin=margin)
        assert found.low is not None
        assert found.high is not None
        assert found.p_value is not None
        assert found.low <= found.ratio * (1 + 1e-9)
        assert found.ratio <= found.high * (1 + 1e-9)
        assume(abs(found.p_value - 0.05) > 1e-9)
        assert found.kept == (found.p_value < 0.05) == (found.high < margin)
        assert (found.verdict == "lost") == (found.low > margin)

    @modest
    @given(st.lists(st.tuples(kls, kls), min_size=2, max_size=10), st.floats(0.01, 100))
    def test_the_unit_of_the_kl_does_not_matter(
        self, seeds: list[tuple[float, float]], scale: float
    ) -> None:
        entry, reference = ([seed[side] for seed in seeds] for side in (0, 1))
        one = statistics.non_inferiority(entry, reference)
        other = statistics.non_inferiority(
            [scale * value for value in entry], [scale * value for value in reference]
        )
        assert other.ratio == pytest.approx(one.ratio)
        assert other.p_value == pytest.approx(one.p_value, abs=1e-6)

    def test_the_ratio_is_the_geometric_mean(self) -> None:
        assert statistics.non_inferiority([2.0, 8.0], [1.0, 1.0]).ratio == pytest.approx(4.0)

    def test_the_bound_is_the_one_sided_t_bound_of_the_log_ratio(self) -> None:
        logs = np.array([0.01, 0.03, -0.02, 0.05])
        found = statistics.non_inferiority(np.exp(logs), np.ones(4))
        bound = logs.mean() + stats.t.isf(0.05, 3) * logs.std(ddof=1) / 2
        assert found.high == pytest.approx(math.exp(bound))

    def test_the_three_verdicts(self) -> None:
        spread = np.exp([-0.01, 0.01, 0.0, 0.02])
        assert statistics.non_inferiority(spread, np.ones(4)).verdict == "kept"
        assert statistics.non_inferiority(1.1 * spread, np.ones(4)).verdict == "not shown"
        assert statistics.non_inferiority(1.5 * spread, np.ones(4)).verdict == "lost"

    def test_one_seed_shows_nothing_however_good_its_kl(self) -> None:
        found = statistics.non_inferiority([1e-9], [1.0])
        assert (found.verdict, found.kept, found.p_value, found.high) == (
            "not shown",
            False,
            None,
            None,
        )

    @pytest.mark.parametrize(("ratio", "verdict"), [(1.0, "kept"), (1.2, "lost")])
    def test_one_ratio_on_every_seed_decides_without_a_warning(
        self, ratio: float, verdict: str
    ) -> None:
        reference = np.array([0.001, 0.0023, 0.0031])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = statistics.non_inferiority(ratio * reference, reference)
        assert found.verdict == verdict

    @pytest.mark.parametrize("wrong", [0.0, -1e-9, float("inf"), float("nan")])
    def test_a_kl_without_a_logarithm_is_refused_with_its_seed(self, wrong: float) -> None:
        with pytest.raises(ValueError, match="entry: seed index 2"):
            statistics.non_inferiority([0.1, 0.1, wrong], [0.1, 0.1, 0.1])
        with pytest.raises(ValueError, match="reference: seed index 0"):
            statistics.non_inferiority([0.1, 0.1], [wrong, 0.1])

    def test_a_margin_that_no_baseline_could_keep_is_refused(self) -> None:
        with pytest.raises(ValueError, match="margin"):
            statistics.non_inferiority([0.1], [0.1], margin=0.9)
