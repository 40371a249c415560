"""How often a test statistic crosses a boundary by chance, if it is tested several times."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import special

from subliminal_bench.scoring.statistics.values import Array

Sides = Literal[1, 2]

# Nodes of the quadrature at each look: doubling them changes no size by more than 1e-12.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
# A one-sided region is cut off this many standard deviations below zero; it omits 1e-23.
_FAR = 10.0


def crossing_probability(
    quantiles: Sequence[float], information: Sequence[float], sides: Sides = 2
) -> float:
    """Chance that a standard normal statistic is beyond its quantile at any of the looks.

    The statistic belongs to a growing sample of independent differences, so its sum has
    independent increments. Quadrature propagates the density of the sum from look to look,
    given that no boundary has been crossed yet (Armitage, McPherson & Rowe 1969, Repeated
    significance tests on accumulating data).

    Args:
        quantiles: of the standard normal, zero or above, one per look.
        information: of each look, rising, in any unit, such as the number of differences.
        sides: whether both ends count, or only the upper one.

    Returns:
        A probability, accurate to about 1e-10.

    Two looks at 1.96 have a size of .083 (Armitage, McPherson & Rowe, table 2):

    >>> round(crossing_probability([1.96, 1.96], [1, 2]), 3)
    0.083
    """
    crossed = 0.0
    # Before the first look, the sum is zero with probability 1.
    places, masses, before = np.zeros(1), np.ones(1), 0.0
    for quantile, now in zip(quantiles, information, strict=True):
        step = float(np.sqrt(now - before))
        high = quantile * float(np.sqrt(now))
        low = -high if sides == 2 else -_FAR * float(np.sqrt(now))
        beyond = special.ndtr((places - high) / step)
        if sides == 2:
            beyond += special.ndtr((low - places) / step)
        crossed += float(masses @ beyond)
        nodes: Array = (high + low) / 2 + (high - low) / 2 * _NODES
        density = np.exp(-(((nodes[:, np.newaxis] - places) / step) ** 2) / 2)
        density /= step * np.sqrt(2 * np.pi)
        masses = (density @ masses) * _WEIGHTS * (high - low) / 2
        places, before = nodes, now
    return min(crossed, 1.0)
