"""Numbers that describe an entry's seeds besides the mean; no verdict depends on them."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats

from subliminal_bench.scoring.statistics.values import Array, Values, checked, checked_pair

Side = Literal["high", "low"]


def interquartile_mean(values: Values) -> float:
    """Mean of the middle half of the seeds, in the unit of the values.

    A quarter of the seeds, rounded down, is left out at each end, so with fewer than 4 seeds
    this is the mean (Agarwal et al. 2021, Deep Reinforcement Learning at the Edge of the
    Statistical Precipice).

    Raises:
        ValueError: no values, or one that is not finite.

    >>> interquartile_mean([0.0, 1.0, 2.0, 90.0])
    1.5
    """
    return float(stats.trim_mean(checked(values), 0.25))


def worst_tenth(values: Values, worst: Side) -> float:
    """Mean of the worst tenth of the seeds, rounded up to whole seeds.

    Args:
        values: one value per seed.
        worst: which end is bad: `high` for a trait accuracy or a KL.

    Raises:
        ValueError: no values, one that is not finite, or an unknown `worst`.

    >>> worst_tenth([0.1, 0.2, 0.7], worst="high")
    0.7
    """
    ranked = np.sort(checked(values))
    count = math.ceil(ranked.size / 10)
    return float((ranked[-count:] if _is_high(worst) else ranked[:count]).mean())


def probability_of_improvement(entry: Values, reference: Values, better: Side = "low") -> float:
    """Share of the seeds on which the entry is better than the reference; ties count half.

    The measure of Agarwal et al. (2021) compares every run with every other. Here seeds are
    paired, so each seed is compared only with itself.

    Args:
        entry: one value per seed.
        reference: one value per seed, the same seeds in the same order.
        better: which end is good.

    Raises:
        ValueError: as `paired_difference`, or an unknown `better`.

    >>> probability_of_improvement([0.1, 0.2, 0.3, 0.4], [0.2, 0.2, 0.4, 0.1])
    0.625
    """
    left, right = checked_pair(entry, reference)
    gain = left - right if _is_high(better) else right - left
    return float((1 + np.sign(gain)).mean() / 2)


def worst_score_for_diverged(values: Sequence[float | None], worst: float) -> Array:
    """Fill in the worst score for every seed that diverged, so that none is dropped.

    Args:
        values: one value per seed, None for a diverged seed.
        worst: the score of a diverged seed, in the unit of the values.

    Returns:
        The same number of values, in the same order.

    Raises:
        ValueError: no values, or one (or `worst`) is not finite.

    >>> worst_score_for_diverged([0.25, None, 0.5], worst=1.0)
    array([0.25, 1.  , 0.5 ])
    """
    if not math.isfinite(worst):
        raise ValueError(f"the worst score {worst} must be finite")
    return checked([worst if value is None else value for value in values])


def _is_high(side: Side) -> bool:
    if side not in ("high", "low"):
        raise ValueError(f"{side!r} is neither 'high' nor 'low'")
    return side == "high"
