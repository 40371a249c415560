"""What is prevented on the worst reader, and the evidence behind each word.

The simulated entries have nine readers. In the unit of a reader's mean gain (.3 of accuracy
over an untrained .3), the gain has an SD of .1 over the seeds, and the entry gains its share of
the seed's gain plus an error with an SD of .05 or .1. Gains and errors correlate by .5 between
readers. Rates are simulated with fixed generators.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.statistics.values import Array
from tests.support.simulated import assert_at_most

NAMES = ("head", "meanfree head", *(f"body {number}" for number in range(7)))
UNTRAINED = np.full(20, 0.2)
PLAIN = 0.6 + 0.02 * np.random.default_rng(1).normal(size=20)


def simulated(
    rng: np.random.Generator, shares: Sequence[float], seeds: int, sd: float = 0.1
) -> list[statistics.Readings]:
    """One entry with these true shares, one for each reader."""

    def spread() -> Array:
        common, own = rng.normal(size=(1, seeds)), rng.normal(size=(len(shares), seeds))
        return math.sqrt(0.5) * (common + own)

    gains = 1 + 0.1 * spread()
    rows = np.array(shares)[:, np.newaxis] * gains + sd * spread()
    return [
        statistics.Readings(
            name, 0.3 + 0.3 * row, 0.3 + 0.3 * gain, np.full(seeds, 0.3), 0.3 + 0.3 * gain
        )
        for name, row, gain in zip(NAMES, rows, gains, strict=False)
    ]


def shares_of(readings: Sequence[statistics.Readings]) -> list[statistics.Share]:
    return [statistics.share_of(one) for one in readings]


def at(
    share: float, name: str = "latent", *, seeds: int = 20, few_shot: bool = False
) -> statistics.Readings:
    """A reader that finds this share on every seed."""
    untrained, plain = UNTRAINED[:seeds], PLAIN[:seeds]
    entry = untrained + share * (plain - untrained)
    return statistics.Readings(name, entry, plain, untrained, plain, few_shot=few_shot)


class TestPrevention:
    def test_the_reader_that_finds_most_decides(self) -> None:
        found = statistics.prevention(shares_of([at(0.2, "a"), at(0.7, "b"), at(0.4, "c")]))
        assert found.deciding == "b"
        assert found.estimate == pytest.approx(0.3)
        assert found.low == pytest.approx(0.3)
        assert found.high == pytest.approx(0.3)
        assert found.judgeable

    def test_the_interval_is_made_of_one_sided_bounds_of_the_readers(self) -> None:
        readings = simulated(np.random.default_rng(2), [0.7, 0.6, 0.65], 20)
        shares = shares_of(readings)
        found = statistics.prevention(shares)
        assert found.low == 1 - max(share.bound(0.975) for share in shares)
        assert found.high == 1 - max(share.bound(0.025 / 3) for share in shares)
        assert found.low < found.estimate < found.high
        wider = statistics.prevention(
            shares_of([replace(one, allowance=0.01) for one in readings])
        )
        assert wider.low < found.low
        assert wider.high > found.high
        assert wider.estimate == found.estimate

    def test_one_reader_without_a_gain_leaves_nothing_to_judge(self) -> None:
        blind = statistics.Readings("blind", PLAIN, UNTRAINED, UNTRAINED, PLAIN)
        found = statistics.prevention(shares_of([at(0.2), blind]))
        assert not found.judgeable
        assert (found.deciding, found.low) == ("blind", -math.inf)
        # The other reader still bounds it from above.
        assert found.high == pytest.approx(0.8)

    def test_better_features_alone_are_no_amplification(self) -> None:
        found = statistics.prevention(shares_of([at(0.9), at(1.2, "few", few_shot=True)]))
        assert (found.estimate, found.low, found.high) == (0, 0, 0)
        assert statistics.prevention(shares_of([at(1.2)])).estimate == pytest.approx(-0.2)

    def test_what_the_twin_prevents_does_not_count(self) -> None:
        one = at(0.5)
        twin = statistics.Readings(
            "latent", one.entry, PLAIN, UNTRAINED, PLAIN, twin=-0.4 * (PLAIN - UNTRAINED)
        )
        found = statistics.prevention(shares_of([twin]))
        assert found.estimate == pytest.approx(0.1)
        assert found.low == pytest.approx(0.1)

    def test_an_entry_without_readers_is_refused(self) -> None:
        for refuse in (statistics.prevention, statistics.removed):
            with pytest.raises(ValueError, match="at least one reader"):
                refuse([])


class TestClearsMargin:
    def test_each_reader_answers_for_itself(self) -> None:
        readings = [at(0.85, "a"), at(0.95, "b"), at(1.05, "c"), at(1.15, "d")]
        below = statistics.clears_margin(readings)
        assert below == {"a": True, "b": False, "c": False, "d": False}
        above = statistics.clears_margin(readings, side="above")
        assert above == {"a": False, "b": False, "c": False, "d": True}
        assert statistics.clears_margin(readings, margin=0.01)["b"]

    @pytest.mark.parametrize(("seeds", "shown"), [(1, False), (5, False), (6, True)])
    def test_fewer_than_six_seeds_show_nothing(self, seeds: int, shown: bool) -> None:
        readings = [at(0.2, seeds=seeds)]
        assert statistics.clears_margin(readings) == {"latent": shown}

    def test_an_allowance_makes_it_harder_on_either_side(self) -> None:
        # The margin of a tenth is passed by .02 of accuracy.
        assert statistics.clears_margin([replace(at(0.85), allowance=0.015)])["latent"]
        assert not statistics.clears_margin([replace(at(0.85), allowance=0.025)])["latent"]
        assert statistics.clears_margin([replace(at(1.15), allowance=0.015)], side="above")[
            "latent"
        ]
        assert not statistics.clears_margin([replace(at(1.15), allowance=0.025)], side="above")[
            "latent"
        ]

    def test_exactly_the_margin_is_not_shown(self) -> None:
        assert not statistics.clears_margin([at(0.9)])["latent"]

    def test_readers_that_cannot_be_told_apart_or_paired_are_refused(self) -> None:
        with pytest.raises(ValueError, match="name of its own"):
            statistics.clears_margin([at(0.5), at(0.6)])
        with pytest.raises(ValueError, match="name of its own"):
            statistics.clears_margin([])
        with pytest.raises(ValueError, match="6 to 20 seeds"):
            statistics.clears_margin([at(0.5, "a"), at(0.6, "b", seeds=6)])
        with pytest.raises(ValueError, match="'under'"):
            statistics.clears_margin([at(0.5)], side="under")  # type: ignore[arg-type]


class TestBelowUntrained:
    def test_a_reader_clearly_below_the_untrained_model_shows_damage(self) -> None:
        readings = [at(-0.2, "a"), at(-0.05, "b"), at(0.9, "c")]
        assert statistics.below_untrained(readings) == {"a": True, "b": False, "c": False}
        assert not statistics.below_untrained([replace(at(-0.2), allowance=0.05)])["latent"]

    def test_the_gain_at_the_baselines_end_sets_the_margin(self) -> None:
        one = at(-0.2)
        further = statistics.Readings("latent", one.entry, PLAIN, UNTRAINED, 3 * PLAIN)
        assert not statistics.below_untrained([further])["latent"]

    def test_one_of_several_readers_needs_more_seeds_than_one_alone(self) -> None:
        alone, rest = at(-0.2, seeds=6), [at(-0.1, f"other {n}", seeds=6) for n in range(3)]
        assert statistics.below_untrained([alone])["latent"]
        assert not statistics.below_untrained([alone, *rest])["latent"]


class TestHidden:
    def test_a_quiet_head_and_one_loud_reader_of_the_body_hide(self) -> None:
        quiet, loud, other = (statistics.share_of(at(share)) for share in (0.2, 0.9, 0.1))
        assert statistics.hidden([quiet], [other, loud])
        assert not statistics.hidden([quiet], [other])
        # The louder reader of the head counts.
        assert not statistics.hidden([quiet, loud], [other, loud])

    @pytest.mark.parametrize(
        ("head", "body", "hides"),
        [(0.0, 0.49, False), (0.0, 0.51, True), (0.4, 0.79, False), (0.4, 0.81, True)],
    )
    def test_half_the_gain_and_twice_the_head_are_needed(
        self, head: float, body: float, hides: bool
    ) -> None:
        shares = shares_of([at(head), at(body)])
        assert statistics.hidden(shares[:1], shares[1:]) is hides
        wider = shares_of([replace(at(one), allowance=0.01) for one in (head, body)])
        assert not statistics.hidden(wider[:1], wider[1:])

    def test_what_the_twin_does_says_nothing_about_the_body(self) -> None:
        twin = statistics.Readings(
            "latent", at(0.4).entry, PLAIN, UNTRAINED, PLAIN, twin=at(0.4).entry - PLAIN
        )
        head, body = statistics.share_of(at(0.0)), statistics.share_of(twin)
        assert body.counted == 1
        assert not statistics.hidden([head], [body])

    def test_both_kinds_of_readers_are_needed(self) -> None:
        shares = shares_of([at(0.5)])
        with pytest.raises(ValueError, match="class head"):
            statistics.hidden([], shares)
        with pytest.raises(ValueError, match="class head"):
            statistics.hidden(shares, [])


class TestRemoved:
    def test_fifty_seeds_are_needed_and_every_reader(self) -> None:
        gone, left = simulated(np.random.default_rng(3), [0.0, 0.5], 50)
        assert statistics.removed(shares_of([gone]))
        assert not statistics.removed(shares_of([gone, left]))
        assert not statistics.removed(shares_of([replace(gone, allowance=0.03)]))
        assert not statistics.removed(shares_of([at(0.0)]))


def rate(
    says: Callable[[list[statistics.Readings]], bool],
    shares: Sequence[float],
    seeds: int,
    runs: int,
    sd: float = 0.1,
) -> float:
    rng = np.random.default_rng(seeds)
    return float(np.mean([says(simulated(rng, shares, seeds, sd)) for _ in range(runs)]))


def mitigates(readings: list[statistics.Readings]) -> bool:
    return all(statistics.clears_margin(readings).values())


def removes(readings: list[statistics.Readings]) -> bool:
    return statistics.removed(shares_of(readings))


def hides(readings: list[statistics.Readings]) -> bool:
    shares = shares_of(readings)
    return statistics.hidden(shares[:2], shares[2:])


EQUAL = [0.7] * 9
UNLIKE = [0.85, 0.83, 0.8, 0.78, 0.75, 0.7, 0.7, 0.6, 0.6]


class TestPlan:
    @pytest.mark.parametrize("seeds", [10, 20, 100])
    def test_the_interval_covers_in_at_least_95_percent(self, seeds: int) -> None:
        assert self.coverage(EQUAL, seeds, 200) >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 200)

    @pytest.mark.slow
    @pytest.mark.parametrize("seeds", [10, 20, 100])
    @pytest.mark.parametrize(
        ("shares", "covered"), [(EQUAL, 0.98), (UNLIKE, 0.98), ([0.85, *[0.6] * 8], 0.975)]
    )
    def test_it_covers_in_97_to_98_percent(
        self, shares: list[float], covered: float, seeds: int
    ) -> None:
        assert self.coverage(shares, seeds, 2_000) == pytest.approx(covered, abs=0.013)

    def test_one_reader_at_the_limit_passes_rarely(self) -> None:
        assert_at_most(rate(mitigates, [0.9, *[0.5] * 8], 20, 400), 0.03, 400)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("share", "sd", "power"),
        [(0.85, 0.05, 0.93), (0.85, 0.1, 0.13), (0.8, 0.1, 0.93), (0.7, 0.1, 1.0)],
    )
    def test_twenty_seeds_show_what_is_prevented_on_every_reader(
        self, share: float, sd: float, power: float
    ) -> None:
        assert rate(mitigates, [share] * 9, 20, 1_000, sd) == pytest.approx(power, abs=0.035)

    @pytest.mark.slow
    @pytest.mark.parametrize(("share", "power"), [(0.03, 0.995), (0.05, 0.83), (0.1, 0.0)])
    def test_fifty_seeds_show_a_removal(self, share: float, power: float) -> None:
        assert rate(removes, [share] * 9, 50, 1_000) == pytest.approx(power, abs=0.035)

    @pytest.mark.slow
    def test_one_reader_at_a_tenth_is_called_removed_in_at_most_5_percent(self) -> None:
        assert_at_most(rate(removes, [0.1, *[0.0] * 8], 50, 1_000), 0.05, 1_000)

    @pytest.mark.slow
    def test_readers_at_half_the_gain_hide_in_5_percent_at_most(self) -> None:
        assert_at_most(rate(hides, [0.0] * 2 + [0.5] + [0.1] * 6, 20, 1_000), 0.05, 1_000)
        assert_at_most(rate(hides, [0.0] * 2 + [0.5] * 7, 20, 1_000), 0.05, 1_000)

    @staticmethod
    def coverage(shares: list[float], seeds: int, runs: int) -> float:
        true = 1 - max(shares)

        def covers(readings: list[statistics.Readings]) -> bool:
            found = statistics.prevention(shares_of(readings))
            return found.low <= true <= found.high

        return rate(covers, shares, seeds, runs)
