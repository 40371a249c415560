"""Five looks together raise a false alarm as often as one test does."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.statistics.crossing import Sides, crossing_probability
from tests.support.examples import modest
from tests.support.simulated import (
    Array,
    Draw,
    assert_about,
    assert_at_most,
    collapsed,
    normal,
    p_values,
    skewed,
    three_errors,
)


class TestSequentialDesign:
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
        with pytest.raises(ValueError, match="none of the looks"):
            statistics.repeated_paired_difference(np.zeros(seeds), np.ones(seeds))
        with pytest.raises(ValueError, match="none of the looks"):
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


def looks(differences: Array) -> tuple[float, float]:
    """Share of the runs that are resolved at some look, and the mean seeds they take."""
    runs = len(differences)
    stop = np.full(runs, statistics.PLAN.looks[-1])
    resolved = np.zeros(runs, dtype=bool)
    for seeds, level in zip(statistics.PLAN.looks, statistics.PLAN.levels, strict=True):
        open_runs = np.flatnonzero(~resolved)
        seen = differences[open_runs, :seeds]
        if seeds == 20:
            found = np.array([statistics.exact_sign_flip_p(row) for row in seen])
        else:
            found = p_values(seen)
        hit = open_runs[found <= level]
        resolved[hit] = True
        stop[hit] = seeds
    return float(resolved.mean()), float(stop.mean())


def repeated_p(differences: Array) -> float:
    found = statistics.repeated_paired_difference(
        differences, np.zeros(differences.size)
    ).p_value
    assert found is not None
    return found


def repeated_p_values(rows: Array) -> Array:
    """`repeated_p` of every row of all planned seeds, many at a time."""
    scales = []
    for seeds, level in zip(statistics.PLAN.looks, statistics.PLAN.levels, strict=True):
        seen = rows[:, :seeds]
        exact = seeds == statistics.PLAN.looks[0]
        found = [statistics.exact_sign_flip_p(row) for row in seen] if exact else p_values(seen)
        scales.append(np.asarray(found) / level)
    return np.array([statistics.PLAN.size(scale) for scale in np.min(scales, axis=0)])


def prefixes(row: Array) -> list[Array]:
    """What each look sees of a run."""
    return [row[:seeds] for seeds in statistics.PLAN.looks]


def interval(row: Array) -> tuple[float, float]:
    found = statistics.repeated_paired_difference(row, np.zeros(row.size))
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


class TestLooks:
    def test_five_looks_raise_a_false_alarm_in_5_percent(self) -> None:
        rate, _ = looks(np.random.default_rng(0).normal(size=(3_000, 100)))
        assert_about(rate, 0.05, 3_000)

    def test_a_point_at_sd_2_5_stops_after_63_seeds_and_is_found_in_97_5_percent(self) -> None:
        rate, seeds = looks(np.random.default_rng(1).normal(1.0, 2.5, size=(2_000, 100)))
        assert_about(rate, 0.975, 2_000)
        assert seeds == pytest.approx(63, abs=1.5)

    def test_what_the_public_comparison_resolves_the_plans_own_levels_do_by_then(self) -> None:
        differences = np.random.default_rng(2).normal(1.0, 2.5, size=(40, 100))
        resolved = [
            [repeated_p(row[:seeds]) <= 0.05 for row in differences]
            for seeds in statistics.PLAN.looks
        ]
        assert 0 < np.sum(resolved[1]) < np.sum(resolved[-1])
        for row, first in zip(differences, np.argmax(resolved, axis=0), strict=True):
            if repeated_p(row) <= 0.05:
                rate, stop = looks(row[np.newaxis])
                assert (rate, stop <= statistics.PLAN.looks[first]) == (1.0, True)

    @pytest.mark.parametrize("draw", [normal, skewed, collapsed])
    def test_stopping_anywhere_raises_a_false_alarm_in_at_most_5_percent(
        self, draw: Draw
    ) -> None:
        entry, reference = draw(np.random.default_rng(5), (2, 1_000, 100))
        found = repeated_p_values(entry - reference)
        assert_at_most(float((found <= 0.05).mean()), 0.05, 1_000)
        assert [repeated_p(row) for row in (entry - reference)[:20]] == list(found[:20])

    def test_three_references_at_five_looks_raise_one_in_at_most_5_percent(self) -> None:
        entry, *references = np.random.default_rng(6).normal(size=(4, 800, 100))
        raw = [repeated_p_values(entry - reference) for reference in references]
        names = ("baseline", "projection", "liminal")
        alarms = [
            min(statistics.holm(dict(zip(names, map(float, ps), strict=True))).values()) <= 0.05
            for ps in zip(*raw, strict=True)
        ]
        assert_at_most(float(np.mean(alarms)), 0.05, 800)

    def test_intervals_of_all_looks_together_miss_the_mean_in_5_percent(self) -> None:
        rows = np.random.default_rng(7).normal(size=(250, 100))
        missed = [
            any(not low <= 0 <= high for low, high in map(interval, prefixes(row)))
            for row in rows
        ]
        assert_about(float(np.mean(missed)), 0.05, 250)

    def test_a_ratio_at_the_margin_passes_at_some_look_in_at_most_5_percent(self) -> None:
        logs = np.random.default_rng(8).normal(
            math.log(statistics.MARGIN), 0.05, size=(1_000, 100)
        )
        passed = [
            any(
                statistics.repeated_non_inferiority(one, np.ones(one.size)).kept
                for one in looked
            )
            for looked in map(prefixes, np.exp(logs))
        ]
        assert_about(float(np.mean(passed)), 0.05, 1_000)

    def test_bounds_of_seeds_fixed_beforehand_would_pass_it_in_one_of_seven(self) -> None:
        logs = np.random.default_rng(8).normal(
            math.log(statistics.MARGIN), 0.05, size=(500, 100)
        )
        passed = [
            any(statistics.non_inferiority(one, np.ones(one.size)).kept for one in looked)
            for looked in map(prefixes, np.exp(logs))
        ]
        assert float(np.mean(passed)) == pytest.approx(0.14, abs=0.045)

    @pytest.mark.slow
    @pytest.mark.parametrize("draw", [normal, skewed, collapsed])
    def test_stopping_anywhere_holds_in_a_larger_simulation(self, draw: Draw) -> None:
        entry, reference = draw(np.random.default_rng(9), (2, 20_000, 100))
        # The fixed patterns of 40 seeds and more have a sampling error of their own.
        patterns = 3 * math.sqrt(0.05 * 0.95 / statistics.RESAMPLES)
        rate = float((repeated_p_values(entry - reference) <= 0.05).mean())
        assert rate <= 0.05 + three_errors(0.05, 20_000) + patterns

    @pytest.mark.slow
    def test_the_levels_spend_5_percent_in_a_large_simulation(self) -> None:
        rate, _ = looks(np.random.default_rng(3).normal(size=(30_000, 100)))
        # The levels alone spend .0507 of a normal; the fixed patterns add or take a little.
        assert rate == pytest.approx(0.051, abs=0.004)

    @pytest.mark.slow
    def test_looking_after_every_seed_would_raise_one_in_a_third(self) -> None:
        differences = np.random.default_rng(4).normal(size=(2_000, 100))
        alarm = np.zeros(2_000, dtype=bool)
        for seeds in range(6, 101):
            alarm |= p_values(differences[:, :seeds]) <= 0.05
        assert float(alarm.mean()) == pytest.approx(0.33, abs=0.03)
