"""Summaries lie within the values, and a diverged seed gets the worst score."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.scoring import statistics
from tests.support.accuracies import accuracies, pairs
from tests.support.examples import modest

some_values = st.lists(st.floats(-1, 1), min_size=1, max_size=40)


class TestSummaries:
    @modest
    @given(some_values)
    def test_summaries_lie_within_the_values_and_ignore_their_order(
        self, values: list[float]
    ) -> None:
        for found, reversed_ in (
            (
                statistics.interquartile_mean(values),
                statistics.interquartile_mean(values[::-1]),
            ),
            (
                statistics.worst_tenth(values, "high"),
                statistics.worst_tenth(values[::-1], "high"),
            ),
            (
                statistics.worst_tenth(values, "low"),
                statistics.worst_tenth(values[::-1], "low"),
            ),
        ):
            assert min(values) - 1e-12 <= found <= max(values) + 1e-12
            assert reversed_ == pytest.approx(found)

    def test_one_wild_seed_in_five_does_not_move_the_interquartile_mean(self) -> None:
        assert statistics.interquartile_mean([1, 2, 3, 4, 5]) == statistics.interquartile_mean(
            [1, 2, 3, 4, 5e9]
        )

    @pytest.mark.parametrize(("seeds", "counted"), [(1, 1), (10, 1), (11, 2), (100, 10)])
    def test_the_worst_tenth_is_rounded_up_to_whole_seeds(
        self, seeds: int, counted: int
    ) -> None:
        values = np.arange(seeds, dtype=float)
        assert statistics.worst_tenth(values, worst="low") == values[:counted].mean()
        assert statistics.worst_tenth(values, worst="high") == values[-counted:].mean()

    @modest
    @given(pairs(1, 30))
    def test_what_one_entry_wins_the_other_loses(self, seeds: list[tuple[int, int]]) -> None:
        entry, reference = accuracies(seeds)
        low = statistics.probability_of_improvement(entry, reference, better="low")
        assert low == pytest.approx(1 - statistics.probability_of_improvement(reference, entry))
        assert low == pytest.approx(
            1 - statistics.probability_of_improvement(entry, reference, better="high")
        )

    def test_ties_count_half(self) -> None:
        assert statistics.probability_of_improvement([0.1, 0.2], [0.1, 0.3]) == 0.75

    def test_a_diverged_seed_gets_the_worst_score_and_is_never_dropped(self) -> None:
        filled = statistics.worst_score_for_diverged([None, 0.2, None], worst=1.0)
        assert filled.tolist() == [1.0, 0.2, 1.0]

    def test_a_nan_is_not_taken_for_a_diverged_seed(self) -> None:
        with pytest.raises(ValueError, match="seed index 1 is nan"):
            statistics.worst_score_for_diverged([0.1, float("nan")], worst=1.0)
        with pytest.raises(ValueError, match="worst score"):
            statistics.worst_score_for_diverged([0.1, None], worst=math.inf)

    def test_a_misspelled_side_is_refused(self) -> None:
        with pytest.raises(ValueError, match="'lowest'"):
            statistics.worst_tenth([1.0], worst="lowest")  # type: ignore[arg-type]
