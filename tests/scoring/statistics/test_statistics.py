"""What the statistics promise about any input: properties, hand counts and edge cases."""

import itertools
import math
import time
import warnings
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.statistics.crossing import Sides, crossing_probability
from subliminal_bench.scoring.statistics.ranks import _hoeffding
from subliminal_bench.scoring.statistics.values import noise

modest = settings(max_examples=40, deadline=None)

# Accuracies come in ten-thousandths, so whole numbers tell exactly what ties.
ticks = st.integers(0, 10_000)


def pairs(least: int, most: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(st.tuples(ticks, ticks), min_size=least, max_size=most)


def accuracies(seeds: list[tuple[int, int]]) -> tuple[list[float], list[float]]:
    return [a / 10_000 for a, _ in seeds], [b / 10_000 for _, b in seeds]


def p_counted_by_hand(differences: list[int]) -> float:
    """Every sign pattern written out, in whole numbers."""
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(abs(total) >= abs(sum(differences)) for total in sums) / len(sums)


def some_p(entry: list[float], reference: list[float]) -> float:
    p_value = statistics.paired_difference(entry, reference).p_value
    assert p_value is not None
    return p_value


class TestSignFlip:
    @modest
    @given(pairs(2, 9))
    def test_p_is_the_share_of_sign_patterns_counted_by_hand(
        self, seeds: list[tuple[int, int]]
    ) -> None:
        assert some_p(*accuracies(seeds)) == p_counted_by_hand([a - b for a, b in seeds])

    @modest
    @given(pairs(2, 9))
    def test_counting_in_two_halves_agrees_with_the_hand(
        self, seeds: list[tuple[int, int]]
    ) -> None:
        entry, reference = (np.array(values) for values in accuracies(seeds))
        found = statistics.exact_sign_flip_p(entry - reference, noise(entry, reference))
        assert found == p_counted_by_hand([a - b for a, b in seeds])

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
                statistics.exact_sign_flip_p(differences),
            )
            assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact / 9_999) + 1e-4)

    def test_ties_are_counted_although_their_sums_differ_in_the_last_bit(self) -> None:
        # 0.1 + 0.2 - 0.3 is not zero in floats; the mean is as central as a mean can be.
        assert some_p([0.1, 0.2, 0.0], [0.0, 0.0, 0.3]) == 1.0
        assert statistics.exact_sign_flip_p(np.array([0.1, 0.2, -0.3]), 1e-12) == 1.0

    def test_a_reference_that_differs_by_rounding_alone_is_no_difference(self) -> None:
        entry = [0.1 + 0.2, 0.7 + 0.1, 0.3, 0.4, 0.5, 0.6]
        reference = [0.3, 0.8, 0.3, 0.4, 0.5, 0.6]
        assert entry != reference
        assert some_p(entry, reference) == 1.0

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

    @pytest.mark.parametrize("seeds", [1, 21])
    def test_counting_all_patterns_is_refused_where_it_is_not_offered(self, seeds: int) -> None:
        with pytest.raises(ValueError, match="2 to 20 seeds"):
            statistics.exact_sign_flip_p(np.ones(seeds))


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

    @pytest.mark.parametrize(
        ("entry", "reference", "message"),
        [
            ([], [], "one number a seed"),
            ([0.1, 0.2], [0.1], "same seeds"),
            ([0.1, float("nan")], [0.1, 0.2], "entry: seed index 1 is nan"),
            ([0.1, 0.2], [float("inf"), 0.2], "reference: seed index 0 is inf"),
        ],
    )
    def test_values_that_cannot_be_compared_are_refused_by_name(
        self, entry: list[float], reference: list[float], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            statistics.paired_difference(entry, reference)

    def test_a_level_in_percent_is_refused(self) -> None:
        with pytest.raises(ValueError, match="level 95"):
            statistics.paired_difference([0.1, 0.2], [0.1, 0.2], level=95)


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
        assert bound >= statistics.exact_sign_flip_p(differences)

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


class TestSequentialDesign:
    def test_it_knows_the_published_boundaries(self) -> None:
        # Jennison & Turnbull (2000), Group Sequential Methods, tables 2.1 and 2.3, 5 looks.
        looks = range(1, 6)
        pocock = [2.413] * 5
        obrien_fleming = [2.040 * math.sqrt(5 / look) for look in looks]
        for quantiles in (pocock, obrien_fleming):
            assert crossing_probability(quantiles, looks) == pytest.approx(0.05, abs=5e-5)

    @modest
    @given(st.floats(0.01, 25.0))
    def test_one_look_is_a_plain_test(self, scale: float) -> None:
        one = statistics.SequentialDesign((30,), (0.04,))
        assert one.size(scale) == pytest.approx(min(1.0, scale * 0.04), abs=1e-9)
        assert one.level(30, 0.05, sides=1) == pytest.approx(0.05)

    @modest
    @given(st.floats(0.001, 0.5), st.sampled_from([1, 2]))
    def test_levels_of_a_size_have_that_size(self, size: float, sides: Sides) -> None:
        levels = [statistics.PLAN.level(look, size, sides) for look in statistics.PLAN.looks]
        quantiles = [float(stats.norm.isf(level / sides)) for level in levels]
        assume(min(quantiles) >= 0)
        assert crossing_probability(quantiles, statistics.PLAN.looks, sides) == pytest.approx(
            size
        )
        assert max(levels) < size < sum(levels)

    def test_what_never_happens_by_chance_has_a_size_of_zero(self) -> None:
        assert statistics.PLAN.size(0.0) == 0.0
        assert 0.0 < statistics.PLAN.size(1e-200) < 1e-190
        assert statistics.repeated_non_inferiority(np.ones(20), np.ones(20)).p_value == 0.0

    @modest
    @given(st.floats(0.001, 30.0), st.floats(0.001, 30.0))
    def test_a_size_rises_with_the_levels(self, one: float, other: float) -> None:
        low, high = sorted([one, other])
        assert statistics.PLAN.size(low) <= statistics.PLAN.size(high) <= 1

    def test_at_5_percent_no_look_is_laxer_than_the_plan_says(self) -> None:
        planned = (0.00002, 0.0019, 0.0108, 0.0245, 0.0394)
        for look, level in zip(statistics.PLAN.looks, planned, strict=True):
            assert 0.98 * level < statistics.PLAN.level(look) <= level

    @pytest.mark.parametrize(
        ("looks", "levels", "message"),
        [
            ((20, 40), (0.01,), "as many levels"),
            ((), (), "as many levels"),
            ((40, 20), (0.01, 0.05), "rise"),
            ((1, 20), (0.01, 0.05), "rise"),
            ((20,), (0.0,), "between 0 and 1"),
            ((20,), (1.0,), "between 0 and 1"),
        ],
    )
    def test_a_design_that_cannot_work_is_refused(
        self, looks: tuple[int, ...], levels: tuple[float, ...], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            statistics.SequentialDesign(looks, levels)


class TestRepeatedComparisons:
    @pytest.mark.parametrize("seeds", [1, 19, 21, 50, 120])
    def test_between_the_looks_nothing_is_tested(self, seeds: int) -> None:
        with pytest.raises(ValueError, match="at none of the looks"):
            statistics.repeated_paired_difference(np.zeros(seeds), np.ones(seeds))
        with pytest.raises(ValueError, match="at none of the looks"):
            statistics.repeated_non_inferiority(np.ones(seeds), np.ones(seeds))

    def test_the_first_look_is_within_reach_also_after_holm_over_three(self) -> None:
        reference = np.linspace(0.3, 0.7, 20)
        found = statistics.repeated_paired_difference(reference - 0.1, reference)
        assert found.p_value == found.smallest_p < 0.05 / 3

    @modest
    @given(st.sampled_from(statistics.PLAN.looks), st.floats(-0.7, 0.7), st.integers(0, 1_000))
    def test_it_is_never_surer_than_seeds_fixed_beforehand(
        self, seeds: int, shift: float, rng_seed: int
    ) -> None:
        entry = np.random.default_rng(rng_seed).normal(loc=shift, size=seeds)
        found = statistics.repeated_paired_difference(entry, np.zeros(seeds))
        fixed = statistics.paired_difference(entry, np.zeros(seeds))
        assert found.low is not None
        assert found.high is not None
        assert fixed.low is not None
        assert fixed.high is not None
        assert found.low < fixed.low < fixed.high < found.high
        assert (found.mean, found.sd) == (fixed.mean, fixed.sd)
        assert found.smallest_difference is not None
        assert fixed.smallest_difference is not None
        assert found.smallest_difference > fixed.smallest_difference
        kl = np.exp(entry / 10)
        bounds = statistics.repeated_non_inferiority(kl, np.ones(seeds))
        plain = statistics.non_inferiority(kl, np.ones(seeds))
        assert bounds.high is not None
        assert plain.high is not None
        assert bounds.high > plain.high
        assert plain.kept or not bounds.kept

    @modest
    @given(st.sampled_from(statistics.PLAN.looks), st.floats(-1, 1), st.integers(0, 1_000))
    def test_what_a_look_resolved_stays_resolved(
        self, seeds: int, shift: float, rng_seed: int
    ) -> None:
        entry = np.random.default_rng(rng_seed).normal(loc=shift, size=100)
        looks = [look for look in statistics.PLAN.looks if look <= seeds]
        found = [
            statistics.repeated_paired_difference(entry[:n], np.zeros(n)).p_value for n in looks
        ]
        assert all(p is not None for p in found)
        assert found == sorted(found, key=lambda p: -(p or 0.0))

    @modest
    @given(
        st.sampled_from(statistics.PLAN.looks), st.floats(-0.03, 0.15), st.integers(0, 1_000)
    )
    def test_the_p_of_the_distillation_is_that_of_its_bound(
        self, seeds: int, shift: float, rng_seed: int
    ) -> None:
        ratios = np.exp(np.random.default_rng(rng_seed).normal(shift, 0.08, size=seeds))
        found = statistics.repeated_non_inferiority(ratios, np.ones(seeds))
        assert found.p_value is not None
        assert found.kept == (found.p_value < 0.05)
