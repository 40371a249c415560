"""A paired difference is its mean with Student's interval, or says what is missing."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from subliminal_bench.scoring import statistics
from tests.support.accuracies import accuracies, pairs, some_p
from tests.support.examples import modest


class TestPairedDifference:
    @modest
    @given(
        st.lists(
            st.tuples(st.floats(0, 1), st.floats(0, 1)) | st.just((0.5, 0.5)),
            min_size=1,
            max_size=20,
        )
    )
    def test_no_number_is_nan_and_nothing_warns(self, seeds: list[tuple[float, float]]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = statistics.paired_difference([a for a, _ in seeds], [b for _, b in seeds])
        numbers = [value for value in vars(found).values() if value is not None]
        assert all(math.isfinite(number) for number in numbers)
        if found.low is not None and found.high is not None:
            assert found.low <= found.mean <= found.high

    @modest
    @given(pairs(2, 30), st.floats(0.5, 0.99))
    def test_the_interval_is_students(self, seeds: list[tuple[int, int]], level: float) -> None:
        entry, reference = accuracies(seeds)
        differences = np.subtract(entry, reference)
        assume(len({a - b for a, b in seeds}) > 1)
        found = statistics.paired_difference(entry, reference, level=level)
        half = stats.t.isf((1 - level) / 2, len(seeds) - 1) * differences.std(ddof=1)
        half /= math.sqrt(len(seeds))
        assert found.low == pytest.approx(differences.mean() - half)
        assert found.high == pytest.approx(differences.mean() + half)

    def test_one_seed_gives_a_mean_and_nothing_else(self) -> None:
        found = statistics.paired_difference([0.25], [0.5])
        assert (found.seeds, found.mean, found.smallest_p) == (1, -0.25, 1.0)
        assert not found.resolvable
        assert {
            found.sd,
            found.low,
            found.high,
            found.p_value,
            found.smallest_difference,
            found.correlation,
        } == {None}

    def test_an_entry_against_itself_has_p_1(self) -> None:
        values = [0.31, 0.42, 0.53, 0.64, 0.75, 0.86]
        found = statistics.paired_difference(values, values)
        assert (found.mean, found.sd, found.low, found.high) == (0.0, 0.0, 0.0, 0.0)
        assert found.p_value == 1.0
        assert found.correlation == pytest.approx(1.0)

    def test_equal_differences_have_sd_zero_however_they_were_rounded(self) -> None:
        reference = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
        found = statistics.paired_difference([value + 0.1 for value in reference], reference)
        assert (found.sd, found.smallest_difference) == (0.0, 0.0)
        assert found.p_value == 2 / 2**7
        assert found.low == found.mean == found.high

    @pytest.mark.parametrize(("seeds", "resolvable"), [(2, False), (5, False), (6, True)])
    def test_fewer_than_six_seeds_resolve_nothing(self, seeds: int, resolvable: bool) -> None:
        entry = [0.1 + 0.01 * seed for seed in range(seeds)]
        found = statistics.paired_difference(entry, [0.9] * seeds)
        assert found.resolvable is resolvable
        assert (found.smallest_difference is not None) is resolvable
        assert (some_p(entry, [0.9] * seeds) <= 0.05) is resolvable

    def test_a_reference_that_never_varies_correlates_with_nothing(self) -> None:
        assert (
            statistics.paired_difference([0.1, 0.2, 0.4], [0.1 + 0.2, 0.3, 0.3]).correlation
            is None
        )

    def test_the_correlation_is_pearsons(self) -> None:
        entry, reference = [0.1, 0.5, 0.2, 0.4], [0.2, 0.4, 0.3, 0.3]
        expected = stats.pearsonr(entry, reference).statistic
        assert statistics.paired_difference(entry, reference).correlation == pytest.approx(
            expected
        )

    def test_the_same_input_gives_the_same_bits_whatever_ran_before(self) -> None:
        rng = np.random.default_rng(3)
        entry, reference = rng.normal(size=(2, 50))
        first = statistics.paired_difference(entry, reference)
        np.random.default_rng().normal(size=10)
        statistics.paired_difference(reference[:20], entry[:20])
        assert statistics.paired_difference(entry, reference) == first

    def test_a_level_in_percent_is_refused(self) -> None:
        with pytest.raises(ValueError, match="level 95"):
            statistics.paired_difference([0.1, 0.2], [0.1, 0.2], level=95)
