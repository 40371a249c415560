"""The verdict's plan as a whole: how often a simulated entry gets a word that is untrue.

Nothing but numbers: `tests/gaming/test_catalogue.py` does the same to real students.
"""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from subliminal_bench.experiment.readers import EXPRESSED, READERS
from subliminal_bench.scoring.words import VerdictWord
from tests.support.simulated import assert_at_most
from tests.support.simulated_entries import Entry

# What no entry may be called that prevents nothing.
PRAISE = {
    VerdictWord.REMOVES,
    VerdictWord.MITIGATES,
    VerdictWord.ATTENUATES,
    VerdictWord.HIDES,
    VerdictWord.HEAD_QUIETER,
}
PREVENTING = {VerdictWord.REMOVES, VerdictWord.MITIGATES, VerdictWord.ATTENUATES}
HEADS = (EXPRESSED, "expressed_meanfree")
FEW = 20
MANY = 400
AMOUNTS = [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.slow)]

Entries = Callable[[np.random.Generator], Entry]


def words(entry: Entry | Entries, trials: int, seeds: int = 12) -> Counter[VerdictWord]:
    """How often each word is said.

    With 12 seeds, sign-flip tests try every pattern, which is faster than 10,000 of them.
    """
    rng = np.random.default_rng(20_260_417)
    found: Counter[VerdictWord] = Counter()
    for _ in range(trials):
        one = entry if isinstance(entry, Entry) else entry(rng)
        found[one.verdict(rng, seeds).word] += 1
    return found


def rate(found: Mapping[VerdictWord, int], wanted: set[VerdictWord]) -> float:
    return sum(found.get(word, 0) for word in wanted) / sum(found.values())


def heads(share: float, others: float) -> Entry:
    """The class head has one share, and the body another."""
    return Entry(others, dict.fromkeys(HEADS, share))


def stopped_anywhere(rng: np.random.Generator) -> Entry:
    return Entry(kl_ratio=float(np.exp(rng.uniform(np.log(0.85), np.log(8)))))


@pytest.mark.parametrize("trials", AMOUNTS)
@pytest.mark.parametrize("seeds", [6, 12])
class TestNothingIsTrue:
    def test_plain_distillation_stopped_anywhere(self, seeds: int, trials: int) -> None:
        found = words(stopped_anywhere, trials, seeds)
        assert_at_most(rate(found, PRAISE), 0.01, trials)
        assert_at_most(rate(found, {VerdictWord.AMPLIFIES}), 0.05, trials)
        assert_at_most(rate(found, {VerdictWord.DAMAGE}), 0.05, trials)

    def test_another_order_of_the_data(self, seeds: int, trials: int) -> None:
        found = words(Entry(), trials, seeds)
        assert_at_most(rate(found, PRAISE | {VerdictWord.AMPLIFIES}), 0.01, trials)
        # The baseline's end is a level like any other: tested two-sided at .05, on one side.
        assert_at_most(rate(found, {VerdictWord.SLOWS}), 0.025, trials)

    def test_another_order_far_from_the_baselines_kl(self, seeds: int, trials: int) -> None:
        """There another order differs by up to 7 % of the gain, which is within the margin."""
        found = words(Entry(0.93, kl_ratio=1.6), trials, seeds)
        assert_at_most(rate(found, PRAISE), 0.05, trials)


@pytest.mark.parametrize("trials", AMOUNTS)
class TestAtTheLimit:
    """The true share is exactly where a word begins, so the word is still untrue."""

    def test_a_tenth_prevented_on_every_reader(self, trials: int) -> None:
        assert_at_most(rate(words(Entry(0.9), trials), PREVENTING), 0.05, trials)

    @pytest.mark.parametrize("reader", ["latent_accuracy", "few_shot_layer1"])
    def test_one_reader_finds_nine_tenths(self, reader: str, trials: int) -> None:
        found = words(Entry(0.6, {reader: 0.9}), trials)
        assert_at_most(rate(found, PREVENTING), 0.05, trials)

    def test_a_class_head_quieter_by_a_tenth(self, trials: int) -> None:
        found = words(heads(0.9, others=1.0), trials)
        assert_at_most(rate(found, {VerdictWord.HEAD_QUIETER, VerdictWord.HIDES}), 0.05, trials)

    def test_a_body_that_has_learned_half(self, trials: int) -> None:
        found = words(heads(0.0, others=0.5), trials)
        assert_at_most(rate(found, {VerdictWord.HIDES}), 0.05, trials)

    def test_a_body_that_has_learned_twice_what_the_head_says(self, trials: int) -> None:
        found = words(heads(0.4, others=0.8), trials)
        assert_at_most(rate(found, {VerdictWord.HIDES}), 0.05, trials)

    def test_a_tenth_left_on_every_reader(self, trials: int) -> None:
        found = words(Entry(0.1), trials, seeds=50)
        assert_at_most(rate(found, {VerdictWord.REMOVES}), 0.05, trials)

    def test_a_tenth_left_on_one_reader(self, trials: int) -> None:
        found = words(Entry(0.0, {"latent_accuracy": 0.1}), trials, seeds=50)
        assert_at_most(rate(found, {VerdictWord.REMOVES}), 0.05, trials)

    def test_kl_at_the_margin(self, trials: int) -> None:
        found = words(Entry(0.3, kl_ratio=1.10), trials)
        assert_at_most(rate(found, {VerdictWord.MITIGATES}), 0.05, trials)


class TestWhatIsTrueIsSaid:
    """A plan that never says anything would pass everything above."""

    @pytest.mark.parametrize(
        ("entry", "seeds", "word"),
        [
            (Entry(0.7), 20, VerdictWord.MITIGATES),
            (Entry(0.7, kl_ratio=1.2), 20, VerdictWord.ATTENUATES),
            (Entry(0.03), 50, VerdictWord.REMOVES),
            (heads(0.05, others=0.95), 20, VerdictWord.HIDES),
            (Entry(0.4, {"latent_high_pass": 1.0, "noise_fit": 1.2}), 20, VerdictWord.HIDES),
            (Entry(kl_ratio=1.3), 20, VerdictWord.SLOWS),
            (Entry(1.3), 20, VerdictWord.AMPLIFIES),
        ],
        ids=lambda value: value.value if isinstance(value, VerdictWord) else None,
    )
    def test_nearly_always(self, entry: Entry, seeds: int, word: VerdictWord) -> None:
        assert rate(words(entry, 10, seeds), {word}) >= 0.9

    def test_the_readers_are_those_of_the_package(self) -> None:
        assert {name for name, one in READERS.items() if one.expressed} == set(HEADS)
