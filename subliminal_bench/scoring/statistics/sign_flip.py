"""The sign-flip test: is the mean paired difference extreme among all sign patterns?

If an entry and its reference were interchangeable on every seed, each difference could equally
have the opposite sign. The p-value is the share of sign patterns whose mean is at least as
extreme as the observed mean (Fisher 1935, The Design of Experiments; Pitman 1937, Significance
tests which may be applied to samples from any populations).

The size is exact for differences that are symmetric about zero, which exchangeable entries
always have, however skewed or collapsed their values are. Skewed differences with a mean of
zero are not symmetric, and for them the size is right only for many seeds. At .05 and 6, 10, 20
and 100 seeds the test rejects 7, 9, 8 and 5.5 % of centred exponentials, and 19, 28, 13 and 6 %
if an entry gains a little on most seeds and loses it all on one in ten
(`tests/scoring/statistics/test_plan.py` has these numbers).
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from subliminal_bench.scoring.statistics.values import Array

RESAMPLES = 9_999
_ENUMERATED_SEEDS = 13  # 2^13 patterns are fewer than the resamples; 2^14 are more.
_GENERATOR_SEED = 0
_ROWS_AT_ONCE = 256


def smallest_p(seeds: int) -> float:
    """The smallest two-sided p that the sign-flip test gives at this many seeds.

    Two of the 2^n patterns are at least as extreme as the most extreme one, so no data
    reach .05 below 6 seeds. From 14 seeds on, patterns are drawn, and 9,999 of them give no p
    below 2 in 10,000.

    >>> smallest_p(5), smallest_p(6), smallest_p(100)
    (0.0625, 0.03125, 0.0002)
    """
    if is_enumerated(seeds):
        return float(2.0 / 2**seeds)
    return 2.0 / (RESAMPLES + 1)


def is_enumerated(seeds: int) -> bool:
    """Whether `sign_flip_p` uses all sign patterns of this many seeds instead of drawing some.

    >>> is_enumerated(13), is_enumerated(14)
    (True, False)
    """
    return seeds <= _ENUMERATED_SEEDS


def sign_flip_p(differences: Array, noise: float = 0.0) -> float:
    """Two-sided sign-flip p-value of the mean of at least two differences.

    Args:
        differences: entry minus reference, one per seed.
        noise: two means this close are a tie; otherwise rounding alone would decide whether a
            pattern counts.

    Returns:
        A probability: over all 2^n patterns if there are at most 9,999 (up to 13 seeds), else
        over 9,999 patterns from a fixed generator and the observed one. It is 1 if all
        differences are zero, and swapping entry and reference does not change it.

    >>> sign_flip_p(np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.3]), noise=1e-12)
    0.03125
    """
    # scipy's test, with its sign patterns cached between calls: a hundred times faster.
    return float(sign_flip_p_of_rows(differences[np.newaxis], np.array([noise]))[0])


def sign_flip_p_of_rows(differences: Array, noise: Array) -> Array:
    """`sign_flip_p` of every row of differences, in one matrix product per block of rows.

    Args:
        differences: `[rows, seeds]`, at least two seeds.
        noise: `[rows]`.

    Returns:
        The same p-values as `sign_flip_p` gives row by row: the sign patterns are shared.

    >>> sign_flip_p_of_rows(np.array([[1.0, 2.0, 3.0], [1.0, -2.0, 1.0]]), np.zeros(2))
    array([0.25, 1.  ])
    """
    rows, seeds = differences.shape
    signs = _signs(seeds)
    added = 0 if is_enumerated(seeds) else 1
    p_values = np.empty(rows)
    for first in range(0, rows, _ROWS_AT_ONCE):
        block = slice(first, first + _ROWS_AT_ONCE)
        means = signs @ differences[block].T / seeds
        beyond = _snapped(means - differences[block].mean(axis=1), noise[block])
        tail = np.minimum((beyond <= 0).sum(axis=0), (beyond >= 0).sum(axis=0))
        p_values[block] = 2 * (tail + added) / (len(signs) + added)
    return np.minimum(p_values, 1.0)


def _snapped(means: Array, noise: Any) -> Array:
    """The means' distances from the observed mean; distances within the noise become 0."""
    return np.where(np.abs(means) <= noise, 0.0, means)


# Large enough for the numbers of seeds that one leaderboard has.
@lru_cache(maxsize=8)
def _signs(seeds: int) -> Array:
    """The patterns that scipy uses at this many seeds, obtained from a sample of ones."""
    seen: list[Array] = []

    def keep(flipped: Array, axis: int) -> Array:
        seen.append(flipped)
        means: Array = flipped.mean(axis=axis)
        return means

    stats.permutation_test(
        (np.ones(seeds),),
        keep,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        vectorized=True,
        rng=np.random.default_rng(_GENERATOR_SEED),
    )
    signs: NDArray[np.float64] = np.ascontiguousarray(seen[-1])
    signs.flags.writeable = False
    return signs
