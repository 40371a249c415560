"""Whether numbers are shifted on average, and which shift would have been found.

A seed's number that was shaved by less than what rounding changes cannot be told from an honest
one. The mean over seeds can: rounding has no favourite direction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

# Standard errors beyond which a mean difference is no chance: two-sided .0027.
LIMIT = 3.0
_LEVEL = 2 * float(stats.norm.sf(LIMIT))
# Standard errors below the limit at which a shift is found four times in five.
_POWER = float(stats.norm.ppf(0.8))


@dataclass(frozen=True)
class Bias:
    """A mean difference, and how much of it chance allows.

    Attributes:
        mean: of the differences.
        allowed: the largest mean, without its sign, that chance explains.
        found: a true shift of this size is found four times in five.
    """

    mean: float
    allowed: float
    found: float

    @property
    def holds(self) -> bool:
        """Whether chance explains the mean."""
        return abs(self.mean) <= self.allowed

    @property
    def excess(self) -> float:
        """The mean in units of what is allowed."""
        return abs(self.mean) / self.allowed if self.allowed else float(self.mean != 0) * np.inf


def bias_under_rounding(differences: Sequence[float], sigma: float) -> Bias:
    """The bias of numbers that were computed twice from the same seeds.

    Args:
        differences: one per seed.
        sigma: the standard deviation of what another machine's rounding adds to one seed.

    >>> bias_under_rounding([0.01, 0.012, 0.009, 0.011], sigma=0.004).holds
    False
    """
    error = sigma / sqrt(len(differences))
    return Bias(float(np.mean(differences)), LIMIT * error, (LIMIT + _POWER) * error)


def bias_between(first: Sequence[float], second: Sequence[float], tests: int = 1) -> Bias:
    """The bias between differences on some seeds and the same ones on other seeds.

    Args:
        first: one per seed, at least two.
        second: one per seed, at least two.
        tests: how many metrics are looked at, so that chance refutes one of them as rarely as
            a single one.

    >>> bias_between([0.1, 0.2, 0.3], [0.2, 0.3, 0.1]).holds
    True
    """
    parts = [float(np.var(one, ddof=1)) / len(one) for one in (first, second)]
    error = sqrt(sum(parts))
    # Welch's degrees of freedom.
    squares = sum(
        part**2 / (len(one) - 1) for part, one in zip(parts, (first, second), strict=True)
    )
    freedom = error**4 / squares if squares else 1.0
    mean = float(np.mean(first) - np.mean(second))
    return _by_student(mean, error, freedom, tests)


def bias_of_new_seeds(known: Sequence[float], new: Sequence[float], tests: int = 1) -> Bias:
    """The bias of a few new seeds' values against those of known seeds.

    The known seeds say how much seeds scatter.

    Args:
        known: one per seed, at least two.
        new: one per seed, at least one.
        tests: see `bias_between`.

    >>> bias_of_new_seeds([0.1, 0.2, 0.3], [0.9]).holds
    True
    """
    error = float(np.std(known, ddof=1)) * sqrt(1 / len(known) + 1 / len(new))
    return _by_student(float(np.mean(new) - np.mean(known)), error, len(known) - 1, tests)


def bias_of_pairs(differences: Sequence[float], sigma: float, tests: int = 1) -> Bias:
    """The bias of the same seeds under a change that should not matter.

    The change may make a mitigation draw other random numbers, so the differences say
    themselves how much they scatter, but never less than rounding does.

    Args:
        differences: one per seed, at least two.
        sigma: see `bias_under_rounding`.
        tests: see `bias_between`.

    >>> bias_of_pairs([0.0, 0.0, 0.0], sigma=1e-6).holds
    True
    """
    rounding = bias_under_rounding(differences, sigma)
    error = float(np.std(differences, ddof=1)) / sqrt(len(differences))
    own = _by_student(rounding.mean, error, len(differences) - 1, tests)
    return max(rounding, own, key=lambda one: one.allowed)


def _by_student(mean: float, error: float, freedom: float, tests: int) -> Bias:
    allowed = error * float(stats.t.ppf(1 - _LEVEL / 2 / tests, freedom))
    return Bias(mean, allowed, allowed + _POWER * error)
