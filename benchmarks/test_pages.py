"""Scorecards and the leaderboard, each as in a program that makes only one: nothing kept.

The plain way computes the same numbers, and leaves out the verdict and the page.
"""

import numpy as np
import pytest

from benchmarks import plain
from benchmarks.conftest import Compare
from subliminal_bench import leaderboard, leaderboard_page, scorecard
from subliminal_bench.reference_names import REFERENCES
from subliminal_bench.results import Run
from subliminal_bench.statistics import resolution, sign_flip
from tests.runs import make_run

RANDOM = np.random.default_rng(0)


def run(name: str, seeds: int, shift: float) -> Run:
    levels = np.random.default_rng(1).uniform(0.35, 0.7, seeds)
    trait = np.clip(levels + shift + 0.03 * RANDOM.standard_normal(seeds), 0, 1)
    fresh, training = (list(1e-3 * RANDOM.lognormal(0.0, 0.1, seeds)) for _ in range(2))
    return make_run(name, list(trait), kl_fresh=fresh, kl_mean=training)


def forget() -> None:
    sign_flip._signs.cache_clear()
    resolution._effect_with_power.cache_clear()


@pytest.mark.parametrize("seeds", [20, 100])
def test_a_scorecard(compare: Compare, seeds: int) -> None:
    entry = run("entry", seeds, -0.1)
    references = {name: run(name, seeds, 0.0) for name in REFERENCES}

    def ours() -> None:
        forget()
        scorecard.build(entry, references)

    compare(
        f"scorecard, {seeds} seeds",
        reference=lambda: plain.scorecard(entry, list(references.values())),
        ours=ours,
        rounds=5,
    )


def test_the_leaderboard(compare: Compare) -> None:
    names = [*REFERENCES, *(f"entry-{index}" for index in range(9))]
    entries = {name: run(name, 20, -0.01 * position) for position, name in enumerate(names)}
    references = [entries[name] for name in REFERENCES]

    def ours() -> None:
        forget()
        leaderboard_page.render(leaderboard.rank(entries))

    compare(
        "leaderboard, 12 entries, 20 seeds",
        reference=lambda: plain.leaderboard(entries, references),
        ours=ours,
        rounds=3,
    )
