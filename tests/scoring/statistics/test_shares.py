"""A share is what a reader finds in an entry, of what it finds in plain distillation."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.statistics.values import Array
from tests.support.examples import modest

accuracy = st.floats(0, 1)


def reading(
    entry: Array, plain: Array, *, twin: Array | None = None, few_shot: bool = False
) -> statistics.Readings:
    """A reader that finds .2 in the untrained model, and in the baseline what plain says."""
    return statistics.Readings(
        "latent", entry, plain, np.full(plain.size, 0.2), plain, few_shot=few_shot, twin=twin
    )


RNG = np.random.default_rng(1)
PLAIN = 0.6 + 0.02 * RNG.normal(size=10)
ENTRY = PLAIN - 0.1 + 0.03 * RNG.normal(size=10)
ABOVE = PLAIN + 0.1 + 0.03 * RNG.normal(size=10)


class TestShare:
    @modest
    @given(
        st.lists(
            st.tuples(accuracy, accuracy, accuracy, accuracy) | st.just((0.5, 0.5, 0.5, 0.5)),
            min_size=1,
            max_size=12,
        ),
        st.booleans(),
        st.sampled_from([0.0, 0.01]),
    )
    def test_no_number_is_nan_and_nothing_warns(
        self, seeds: list[tuple[float, ...]], few_shot: bool, allowance: float
    ) -> None:
        entry, plain, untrained, ended = np.array(seeds).T
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            one = statistics.Readings(
                "latent", entry, plain, untrained, ended, few_shot=few_shot, allowance=allowance
            )
            found = statistics.share_of(one)
            low, high = found.bound(0.025), found.bound(0.975)
        assert not any(map(math.isnan, (found.gain, found.path, low, high)))
        assert low <= high
        if math.isfinite(low) and math.isfinite(high):
            assert low - 1e-9 <= found.path <= high + 1e-9

    def test_it_is_one_where_the_entry_is_plain_distillation_and_zero_where_untrained(
        self,
    ) -> None:
        assert statistics.share_of(reading(PLAIN, PLAIN)).path == 1
        nothing = statistics.share_of(reading(np.full(10, 0.2), PLAIN))
        assert nothing.path == pytest.approx(0)
        assert nothing.bound(0.975) == pytest.approx(0)
        assert nothing.bound(0.025) == pytest.approx(0)

    def test_its_bounds_are_fiellers_for_what_entry_and_plain_gained(self) -> None:
        found = statistics.share_of(reading(ENTRY, PLAIN))
        for confidence in (0.025, 0.975):
            expected = statistics.ratio_bound(ENTRY - 0.2, PLAIN - 0.2, confidence)
            assert found.bound(confidence) == pytest.approx(expected)

    def test_an_allowance_moves_every_bound_outwards(self) -> None:
        found = statistics.share_of(reading(ENTRY, PLAIN))
        for confidence, side in ((0.025, -1), (0.975, 1)):
            wider = statistics.share_of(replace(reading(ENTRY, PLAIN), allowance=0.01))
            moved = wider.bound(confidence) - found.bound(confidence)
            assert side * moved == pytest.approx(0.01 / found.gain, rel=0.1)
        with pytest.raises(ValueError, match="allowance"):
            replace(reading(ENTRY, PLAIN), allowance=-0.01)

    def test_a_few_shot_share_above_1_counts_as_1_and_so_do_its_bounds(self) -> None:
        free = statistics.share_of(reading(ABOVE, PLAIN))
        capped = statistics.share_of(reading(ABOVE, PLAIN, few_shot=True))
        assert min(free.path, free.bound(0.025), free.bound(0.975)) > 1
        assert {capped.path, capped.bound(0.025), capped.bound(0.975)} == {1}
        below = statistics.share_of(reading(ENTRY, PLAIN, few_shot=True))
        assert below.path == statistics.share_of(reading(ENTRY, PLAIN)).path

    def test_of_path_and_twin_the_larger_share_counts(self) -> None:
        # The twin alone already lies .06 below the path.
        recipe = statistics.share_of(reading(ENTRY, PLAIN, twin=np.full(10, -0.06)))
        assert recipe.beyond_twin is not None
        assert recipe.counted == recipe.beyond_twin
        assert recipe.beyond_twin == pytest.approx(recipe.path + 0.06 / recipe.gain)
        path, twin = recipe.bounds(0.975)
        assert path == recipe.bound(0.975) < twin
        other = statistics.share_of(reading(ENTRY, PLAIN, twin=np.full(10, 0.06)))
        assert other.counted == other.path == recipe.path

    def test_an_entry_that_is_its_twin_prevents_nothing_beyond_it(self) -> None:
        found = statistics.share_of(reading(ENTRY, PLAIN, twin=ENTRY - PLAIN))
        assert found.beyond_twin == 1
        assert found.bounds(0.975)[1] == 1

    def test_without_a_gain_the_share_is_the_worst_and_not_enough_to_judge(self) -> None:
        for plain in (np.full(10, 0.2), np.full(10, 0.1), np.full(10, 0.2 + 1e-15)):
            found = statistics.share_of(reading(ENTRY, plain))
            assert (found.path, found.enough) == (math.inf, False)
            assert (found.bound(0.025), found.bound(0.975)) == (-math.inf, math.inf)

    def test_one_seed_has_a_share_without_bounds(self) -> None:
        found = statistics.share_of(reading(ENTRY[:1], PLAIN[:1]))
        assert math.isfinite(found.path)
        assert not found.enough
        assert (found.bound(0.025), found.bound(0.975)) == (-math.inf, math.inf)


class TestEnough:
    @pytest.mark.parametrize(("part", "enough"), [(0.2, False), (0.3, True)])
    def test_a_quarter_of_the_gain_at_the_baselines_end_is_needed(
        self, part: float, enough: bool
    ) -> None:
        untrained = np.full(10, 0.2)
        plain = untrained + part * (PLAIN - untrained)
        found = statistics.share_of(
            statistics.Readings("latent", plain, plain, untrained, PLAIN)
        )
        assert found.enough is enough

    @pytest.mark.parametrize(("error", "enough"), [(1 / 3.2, False), (1 / 3.3, True)])
    def test_the_gain_has_to_be_shown_by_a_t_test(self, error: float, enough: bool) -> None:
        # The one-sided 99.5 % quantile at 9 degrees of freedom is 3.25.
        spread = (PLAIN - PLAIN.mean()) / PLAIN.std(ddof=1) * math.sqrt(10) * error
        plain = 0.2 + 0.1 * (1 + spread)
        assert statistics.share_of(reading(plain, plain)).enough is enough


class TestReadings:
    def test_arrays_of_different_seeds_are_refused_by_the_readers_name(self) -> None:
        with pytest.raises(ValueError, match="latent: arrays of 9 to 10 seeds"):
            reading(ENTRY[:9], PLAIN)
        with pytest.raises(ValueError, match="latent: arrays of 9 to 10 seeds"):
            reading(ENTRY, PLAIN, twin=np.zeros(9))

    def test_a_diverged_seed_needs_its_worst_value_first(self) -> None:
        with pytest.raises(ValueError, match="latent: entry: seed index 0 is nan"):
            reading(np.array([math.nan]), np.ones(1))
