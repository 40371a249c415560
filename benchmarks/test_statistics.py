"""Statistics against scipy, statsmodels or a plain loop."""

import numpy as np

from benchmarks import plain
from benchmarks.conftest import Compare
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.statistics.resolution import _effect_with_power

RANDOM = np.random.default_rng(0)
DIFFERENCES = RANDOM.normal(0.3, 1.0, 100)


def test_a_drawn_sign_flip_test(compare: Compare) -> None:
    """Ours caches its sign patterns between calls."""
    compare(
        "sign-flip p, 100 seeds",
        reference=lambda: plain.sign_flip_p(DIFFERENCES),
        ours=lambda: statistics.sign_flip_p(DIFFERENCES),
    )


def test_a_paired_comparison(compare: Compare) -> None:
    """Ours caches patterns and effect sizes between calls."""
    reference = RANDOM.uniform(0.3, 0.7, 100)
    entry = reference + DIFFERENCES / 50
    compare(
        "paired comparison, 100 seeds",
        reference=lambda: plain.paired_difference(entry, reference),
        ours=lambda: statistics.paired_difference(entry, reference),
    )


def test_holms_correction(compare: Compare) -> None:
    p_values = {str(index): float(p) for index, p in enumerate(RANDOM.uniform(size=1_000))}
    compare(
        "Holm over 1,000 p-values",
        reference=lambda: plain.holm(p_values),
        ours=lambda: statistics.holm(p_values),
    )


def test_the_difference_that_seeds_resolve(compare: Compare) -> None:
    """Without caches. Ours is slower; statsmodels gives nan for large effects at few seeds."""

    def ours() -> None:
        _effect_with_power.cache_clear()
        statistics.resolvable_difference(1.0, 20)

    compare(
        "resolvable difference, 20 seeds",
        reference=lambda: plain.resolvable_difference(1.0, 20),
        ours=ours,
    )


def test_ranks_of_entries(compare: Compare) -> None:
    level = RANDOM.uniform(0.3, 0.7, 100)
    rows = {str(index): level + RANDOM.normal(0.0, 0.05, 100) for index in range(8)}
    compare(
        "tie groups, 8 entries, 100 seeds",
        reference=lambda: plain.told_apart(rows),
        ours=lambda: statistics.tie_groups(list(rows), rows),
        rounds=3,
    )


def test_the_front_of_many_entries(compare: Compare) -> None:
    points = {
        str(index): (float(x), float(y))
        for index, (x, y) in enumerate(RANDOM.random((1_000, 2)))
    }
    compare(
        "Pareto front of 1,000 points",
        reference=lambda: plain.pareto_front(points),
        ours=lambda: statistics.pareto_front(points),
    )
