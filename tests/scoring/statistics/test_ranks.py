"""Ranks are the tie groups of their definition, and the front is what nothing beats."""

import itertools
import time
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.statistics.ranks import _hoeffding
from tests.support.accuracies import some_p, ticks
from tests.support.examples import modest
from tests.support.sign_patterns import p_of_all_patterns


def holm_by_hand(p_values: list[float]) -> list[float]:
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


class TestHolm:
    @modest
    @given(st.lists(st.floats(0, 1), max_size=8))
    def test_steps_down_from_the_smallest_p(self, p_values: list[float]) -> None:
        names = [f"entry {index}" for index in range(len(p_values))]
        found = statistics.holm(dict(zip(names, p_values, strict=True)))
        assert list(found) == names
        assert list(found.values()) == pytest.approx(holm_by_hand(p_values))

    def test_agrees_with_statsmodels(self) -> None:
        p_values = np.random.default_rng(0).uniform(0, 0.2, size=12)
        found = statistics.holm({str(index): float(p) for index, p in enumerate(p_values)})
        assert list(found.values()) == pytest.approx(multipletests(p_values, method="holm")[1])

    @pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
    def test_what_is_no_probability_is_refused_by_name(self, wrong: float) -> None:
        with pytest.raises(ValueError, match="'liminal'"):
            statistics.holm({"baseline": 0.5, "liminal": wrong})


def groups_by_definition(values: dict[str, list[float]]) -> list[list[str]]:
    """Holm over the public p of every pair, and a cut wherever no tie crosses it."""
    ranked = sorted(values, key=lambda name: (float(np.mean(values[name])), name))
    raw = {
        f"{a}|{b}": some_p(values[a], values[b]) for a, b in itertools.combinations(ranked, 2)
    }
    apart = {pair for pair, p_value in statistics.holm(raw).items() if p_value <= 0.05}
    groups: list[list[str]] = [[]]
    for position, name in enumerate(ranked):
        crossing = itertools.product(ranked[:position], ranked[position:])
        if position and all(f"{a}|{b}" in apart for a, b in crossing):
            groups.append([])
        groups[-1].append(name)
    return groups


def ladder(entries: int, seeds: int, step: float, rng_seed: int = 0) -> dict[str, list[float]]:
    """Entries that share their seeds' level and differ by `step` and some noise."""
    rng = np.random.default_rng(rng_seed)
    level = rng.normal(size=seeds)
    return {
        f"entry {index:04}": list(level + step * index + 0.1 * rng.normal(size=seeds))
        for index in range(entries)
    }


class TestTieGroups:
    @pytest.mark.parametrize("seeds", [6, 10, 13, 20])
    @pytest.mark.parametrize("entries", [2, 3, 6])
    @pytest.mark.parametrize("step", [0.0, 0.07, 0.15])
    def test_groups_are_those_of_the_definition(
        self, entries: int, seeds: int, step: float
    ) -> None:
        values = ladder(entries, seeds, step, rng_seed=entries * seeds)
        assert statistics.tie_groups(list(values), values) == groups_by_definition(values)

    @modest
    @given(st.lists(st.lists(ticks, min_size=8, max_size=8), min_size=2, max_size=2))
    def test_two_entries_share_a_rank_unless_their_p_is_below_alpha(
        self, rows: list[list[int]]
    ) -> None:
        values = {name: [v / 10_000 for v in row] for name, row in zip("ab", rows, strict=True)}
        groups = statistics.tie_groups(["a", "b"], values)
        assert (len(groups) == 2) == (some_p(values["a"], values["b"]) <= 0.05)

    @modest
    @given(
        st.lists(st.lists(ticks, min_size=14, max_size=14), min_size=1, max_size=6),
        st.randoms(use_true_random=False),
    )
    def test_every_entry_has_one_rank_and_the_order_of_the_names_has_no_say(
        self, rows: list[list[int]], random: Random
    ) -> None:
        values = {f"entry {i}": [v / 10_000 for v in row] for i, row in enumerate(rows)}
        names = list(values)
        groups = statistics.tie_groups(names, values)
        assert sorted(itertools.chain(*groups)) == sorted(names)
        means = [float(np.mean(values[name])) for group in groups for name in group]
        assert means == sorted(means)
        random.shuffle(names)
        assert statistics.tie_groups(names, values) == groups

    @pytest.mark.parametrize("swinging", ["low", "middle", "high"])
    def test_ties_chain_where_they_are_not_transitive(self, swinging: str) -> None:
        steady = np.random.default_rng(5).normal(size=20)
        values = {"low": steady, "middle": steady + 0.1, "high": steady + 0.2}
        assert statistics.tie_groups(list(values), values) == [["low"], ["middle"], ["high"]]
        # The swinging entry ties with both others, and they share its rank.
        values[swinging] = values[swinging] + np.tile([1.0, -1.0], 10)
        others = [name for name in values if name != swinging]
        assert len(statistics.tie_groups(others, values)) == 2
        assert statistics.tie_groups(list(values), values) == [["low", "middle", "high"]]

    def test_the_best_end_comes_first(self) -> None:
        values = ladder(3, 20, 1.0)
        lowest_first = statistics.tie_groups(list(values), values)
        assert lowest_first == [[name] for name in values]
        assert statistics.tie_groups(list(values), values, better="high") == lowest_first[::-1]

    def test_fewer_than_six_seeds_leave_one_group(self) -> None:
        values = ladder(3, 5, 100.0)
        assert statistics.tie_groups(list(values), values) == [list(values)]

    def test_many_entries_far_apart_are_ranked_although_holm_corrects_for_every_pair(
        self,
    ) -> None:
        values = ladder(60, 100, 1.0)
        assert statistics.tie_groups(list(values), values) == [[name] for name in values]

    def test_copies_of_an_entry_share_its_rank(self) -> None:
        values = ladder(1, 100, 0.0) | {"copy": ladder(1, 100, 0.0)["entry 0000"]}
        assert len(statistics.tie_groups(list(values), values)) == 1

    @modest
    @given(st.lists(ticks, min_size=2, max_size=12))
    def test_the_stand_in_for_tiny_p_values_is_never_below_the_exact_one(
        self, row: list[int]
    ) -> None:
        differences = np.array(row, dtype=float) - 4_000
        bound = _hoeffding(np.stack([np.zeros(len(row)), differences]))[0]
        assert bound >= p_of_all_patterns(differences)

    def test_a_thousand_entries_of_a_hundred_seeds_take_seconds(self) -> None:
        values = ladder(1_000, 100, 0.02)
        start = time.perf_counter()
        groups = statistics.tie_groups(list(values), values)
        assert time.perf_counter() - start < 5
        assert sum(map(len, groups)) == 1_000

    def test_entries_without_common_seeds_are_refused(self) -> None:
        with pytest.raises(ValueError, match="2 to 3 seeds"):
            statistics.tie_groups(["a", "b"], {"a": [1, 2], "b": [1, 2, 3]})
        with pytest.raises(ValueError, match="no values for 'b'"):
            statistics.tie_groups(["a", "b"], {"a": [1, 2]})
        with pytest.raises(ValueError, match="twice"):
            statistics.tie_groups(["a", "a"], {"a": [1, 2]})

    def test_nothing_to_rank_is_no_group(self) -> None:
        assert statistics.tie_groups([], {}) == []
        assert statistics.tie_groups(["a"], {"a": [0.5]}) == [["a"]]


class TestParetoFront:
    @modest
    @given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
    def test_the_front_is_whatever_no_point_beats(self, points: list[tuple[int, int]]) -> None:
        named = {str(index): (float(x), float(y)) for index, (x, y) in enumerate(points)}
        unbeaten = {
            name
            for name, (x, y) in named.items()
            if not any(a <= x and b <= y and (a, b) != (x, y) for a, b in named.values())
        }
        assert statistics.pareto_front(named) == unbeaten

    def test_a_point_that_is_nowhere_is_refused(self) -> None:
        with pytest.raises(ValueError, match="'lost'"):
            statistics.pareto_front({"lost": (0.1, float("nan"))})
