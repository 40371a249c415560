"""A number of seeds finds the difference named for it, as often as it says."""

import math

import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from subliminal_bench.scoring import statistics


class TestResolution:
    @pytest.mark.parametrize("n", [3, 6, 20, 100])
    @pytest.mark.parametrize("effect", [0.0, 0.2, 0.7])
    def test_power_is_that_of_statsmodels(self, n: int, effect: float) -> None:
        expected = TTestPower().power(effect, n, 0.05, alternative="two-sided")
        assert statistics.power(3 * effect, 3, n) == pytest.approx(expected, abs=1e-9)

    def test_power_stays_a_number_where_the_noncentral_t_does_not(self) -> None:
        assert statistics.power(50, 1, 2) == pytest.approx(1.0)
        assert statistics.power(4, 1, 20) == pytest.approx(1.0)
        assert 0.1 < statistics.power(100, 1, 2, alpha=0.001) < 0.2

    @pytest.mark.parametrize("n", [2, 5, 40])
    @pytest.mark.parametrize("power", [0.3, 0.8, 0.99])
    def test_the_resolvable_difference_is_found_with_the_power_asked(
        self, n: int, power: float
    ) -> None:
        difference = statistics.resolvable_difference(2.9, n, power, alpha=0.01)
        assert statistics.power(difference, 2.9, n, alpha=0.01) == pytest.approx(power)

    def test_five_seeds_find_the_published_difference_with_a_paired_t_in_93_percent(
        self,
    ) -> None:
        assert statistics.power(-6.3, 2.9, 5) == pytest.approx(0.93, abs=0.015)

    def test_more_seeds_resolve_smaller_differences(self) -> None:
        found = [statistics.smallest_difference(1.0, n) for n in range(1, 40)]
        assert found[:5] == [None] * 5
        resolved = [value for value in found if value is not None]
        assert resolved == sorted(resolved, reverse=True)
        assert len(set(resolved)) == len(resolved) == 34

    def test_the_sign_flip_never_promises_more_than_the_t_test(self) -> None:
        for n in range(6, 30):
            found = statistics.smallest_difference(2.0, n)
            assert found is not None
            assert found >= statistics.resolvable_difference(2.0, n)

    def test_all_six_signs_agree_in_80_percent_at_the_difference_named_for_six_seeds(
        self,
    ) -> None:
        found = statistics.smallest_difference(1.0, 6)
        assert found is not None
        assert stats.norm.cdf(found) ** 6 == pytest.approx(0.8, abs=0.001)

    @pytest.mark.parametrize(
        ("sd", "n", "alpha"), [(-1, 10, 0.05), (math.inf, 10, 0.05), (1, 1, 0.05), (1, 10, 0)]
    )
    def test_what_is_out_of_range_is_refused(self, sd: float, n: int, alpha: float) -> None:
        with pytest.raises(ValueError, match=r"SD|seeds|alpha"):
            statistics.power(1, sd, n, alpha)
        with pytest.raises(ValueError, match=r"SD|seeds|alpha"):
            statistics.resolvable_difference(sd, n, alpha=alpha)

    def test_power_without_spread_and_power_beyond_reach_are_refused(self) -> None:
        with pytest.raises(ValueError, match="SD above zero"):
            statistics.power(1, 0, 10)
        with pytest.raises(ValueError, match="SD"):
            statistics.smallest_difference(-1, 10)
        for power in (0.04, 1.0):
            with pytest.raises(ValueError, match="between alpha"):
                statistics.resolvable_difference(1, 10, power=power)
