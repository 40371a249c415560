"""One entry against one reference, seed by seed."""

import math
from dataclasses import dataclass

import numpy as np

from subliminal_bench.scoring.statistics.resolution import smallest_difference
from subliminal_bench.scoring.statistics.rounding import rounding_allowance
from subliminal_bench.scoring.statistics.sign_flip import sign_flip_p, smallest_p
from subliminal_bench.scoring.statistics.student_t import t_bound
from subliminal_bench.scoring.statistics.values import Array, Values, checked_pair, noise

_ALPHA = 0.05


@dataclass(frozen=True)
class PairedDifference:
    """The seeds' evidence about entry minus reference; no field is ever nan.

    Attributes:
        seeds: number of pairs.
        mean: mean difference, in the unit of the values, like every difference here.
        sd: standard deviation of the differences (n - 1); None for one seed.
        low: lower end of the paired t interval of the mean; None for one seed.
        high: its upper end.
        p_value: two-sided, sign-flip; None for one seed.
        smallest_p: the smallest p that the test can give at this many seeds.
        smallest_difference: the smallest mean difference that this many seeds with this SD
            resolve at .05 with 80 % power; None if they resolve no difference.
        correlation: Pearson's, between entry and reference over the seeds; None if one of
            them does not vary.
        allowance: how far other arithmetic may have moved the mean; part of the interval, the
            p-value and the smallest difference.
    """

    seeds: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None
    p_value: float | None
    smallest_p: float
    smallest_difference: float | None
    correlation: float | None
    allowance: float = 0.0

    @property
    def resolvable(self) -> bool:
        """Whether any difference could reach .05 at this many seeds: 6 or more.

        If not, a large p means "not resolvable at n seeds", never "no difference".
        """
        return self.smallest_p <= _ALPHA


def paired_difference(
    entry: Values, reference: Values, *, level: float = 0.95, rounding_sd: float = 0.0
) -> PairedDifference:
    """Compare an entry with a reference over the same seeds in the same order.

    The p-value assumes nothing but that entry and reference are interchangeable on each
    seed under "no difference" (Fisher 1935, Pitman 1937; see `sign_flip_p`). The interval is
    Student's (1908) for paired samples and assumes normal differences; it is too narrow for
    skewed ones at few seeds, so it is only shown and decides nothing.

    Args:
        entry: one value per seed.
        reference: one value per seed.
        level: coverage of the interval.
        rounding_sd: what other arithmetic adds to one seed, if the two sides were computed in
            different ways. The interval is wider by `rounding_allowance`, and the p-value is
            the largest of all mean differences within that allowance.

    Raises:
        ValueError: no values, unequal lengths, a value that is not finite, a level outside 0
            to 1, or a negative SD.

    >>> found = paired_difference([0.31, 0.40, 0.52, 0.33, 0.47, 0.29],
    ...                           [0.37, 0.45, 0.60, 0.41, 0.52, 0.36])
    >>> found.p_value, found.resolvable, round(found.mean, 3)
    (0.03125, True, -0.065)
    >>> paired_difference([0.3], [0.4]).p_value is None
    True
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level} must lie between 0 and 1")
    left, right = checked_pair(entry, reference)
    differences = left - right
    seeds = differences.size
    mean = float(differences.mean())
    if seeds < 2:
        return PairedDifference(
            seeds, mean, None, None, None, None, smallest_p(seeds), None, None
        )
    allowance = rounding_allowance(rounding_sd, seeds)
    rounding = noise(left, right)
    sd = float(differences.std(ddof=1))
    if sd <= rounding:
        # Equal differences: a t test would divide one rounding error by another.
        sd, low, high = 0.0, mean, mean
    else:
        tail = (1 - level) / 2
        low, high = t_bound(differences, tail), t_bound(differences, 1 - tail)
    return PairedDifference(
        seeds=seeds,
        mean=mean,
        sd=sd,
        low=low - allowance,
        high=high + allowance,
        p_value=sign_flip_p(nearer_zero(differences, allowance), rounding),
        smallest_p=smallest_p(seeds),
        smallest_difference=_with_allowance(smallest_difference(sd, seeds), allowance),
        correlation=_correlation(left, right),
        allowance=allowance,
    )


def nearer_zero(differences: Array, allowance: float) -> Array:
    """The differences, moved together until their mean is nearer zero by the allowance.

    >>> nearer_zero(np.array([0.5, 1.5]), 0.25)
    array([0.25, 1.25])
    >>> nearer_zero(np.array([-0.5, 0.0]), 3.0)
    array([-0.25,  0.25])
    """
    mean = float(differences.mean())
    moved: Array = differences - math.copysign(min(allowance, abs(mean)), mean)
    return moved


def _with_allowance(difference: float | None, allowance: float) -> float | None:
    return None if difference is None else difference + allowance


def _correlation(left: Array, right: Array) -> float | None:
    # Below the square root of the smallest float, a variance is zero.
    least = float(np.sqrt(np.finfo(float).tiny))
    if any(float(np.ptp(one)) <= max(noise(one), least) for one in (left, right)):
        return None
    return float(np.corrcoef(left, right)[0, 1])
