"""The sign-flip p is the share of sign patterns, counted by hand."""

import itertools
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.statistics.values import noise
from tests.support.accuracies import accuracies, pairs, some_p
from tests.support.examples import modest
from tests.support.sign_patterns import p_of_all_patterns


def p_counted_by_hand(differences: list[int]) -> float:
    """Every sign pattern written out, in whole numbers."""
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(abs(total) >= abs(sum(differences)) for total in sums) / len(sums)


class TestSignFlip:
    @modest
    @given(pairs(2, 9))
    def test_p_is_the_share_of_sign_patterns_counted_by_hand(
        self, seeds: list[tuple[int, int]]
    ) -> None:
        assert some_p(*accuracies(seeds)) == p_counted_by_hand([a - b for a, b in seeds])

    @pytest.mark.parametrize("seeds", [2, 6, 13, 14, 30])
    def test_many_comparisons_at_once_give_the_p_of_each_alone(self, seeds: int) -> None:
        entries = np.random.default_rng(seeds).integers(0, 30, size=(300, 2, seeds)) / 100
        rows = statistics.sign_flip_p_of_rows(
            entries[:, 0] - entries[:, 1], np.array([noise(*pair) for pair in entries])
        )
        for row in range(0, 300, 12):
            assert rows[row] == some_p(list(entries[row, 0]), list(entries[row, 1]))

    @pytest.mark.parametrize("seeds", [2, 6, 13, 14, 30, 100])
    def test_anybody_can_recompute_p_with_scipy_alone(self, seeds: int) -> None:
        for shift in (0.0, 0.2, 1.0):
            differences = np.random.default_rng(seeds).normal(loc=shift, size=seeds)
            by_scipy = stats.permutation_test(
                (differences,),
                np.mean,
                permutation_type="samples",
                n_resamples=9_999,
                rng=np.random.default_rng(0),
            )
            found = statistics.paired_difference(differences, np.zeros(seeds)).p_value
            assert found == pytest.approx(float(by_scipy.pvalue))

    def test_drawn_patterns_come_close_to_all_of_them(self) -> None:
        rng = np.random.default_rng(1)
        for shift in (0.0, 0.3, 0.5):
            differences = rng.normal(loc=shift, size=20)
            drawn, exact = (
                statistics.sign_flip_p(differences),
                p_of_all_patterns(differences),
            )
            assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact / 9_999) + 1e-4)

    def test_ties_are_counted_although_their_sums_differ_in_the_last_bit(self) -> None:
        # 0.1 + 0.2 - 0.3 is not zero in floats; the mean is as central as a mean can be.
        assert some_p([0.1, 0.2, 0.0], [0.0, 0.0, 0.3]) == 1.0

    @modest
    @given(pairs(2, 30))
    def test_swapping_entry_and_reference_keeps_p_and_mirrors_the_rest(
        self, seeds: list[tuple[int, int]]
    ) -> None:
        entry, reference = accuracies(seeds)
        one, other = (
            statistics.paired_difference(entry, reference),
            statistics.paired_difference(reference, entry),
        )
        assert one.p_value == other.p_value
        assert one.mean == -other.mean
        assert one.low is not None
        assert other.high is not None
        assert one.low == pytest.approx(-other.high)

    @modest
    @given(pairs(2, 12), st.randoms(use_true_random=False))
    def test_the_order_of_the_seeds_does_not_matter_to_an_enumerated_p(
        self, seeds: list[tuple[int, int]], random: Random
    ) -> None:
        shuffled = seeds[:]
        random.shuffle(shuffled)
        assert some_p(*accuracies(seeds)) == some_p(*accuracies(shuffled))

    @modest
    @given(pairs(2, 30))
    def test_percent_or_fraction_gives_the_same_p(self, seeds: list[tuple[int, int]]) -> None:
        entry, reference = accuracies(seeds)
        assert some_p(entry, reference) == some_p(
            [100 * value for value in entry], [100 * value for value in reference]
        )

    @pytest.mark.parametrize(
        ("seeds", "smallest"),
        [(1, 1.0), (5, 0.0625), (6, 0.03125), (13, 2 / 8192), (14, 0.0002), (100, 0.0002)],
    )
    def test_differences_that_all_agree_reach_the_smallest_p(
        self, seeds: int, smallest: float
    ) -> None:
        assert statistics.smallest_p(seeds) == smallest
        if seeds >= 2:
            rising = np.arange(1.0, seeds + 1)
            assert some_p(list(rising), [0.0] * seeds) == smallest
