"""Student's t for a mean: scipy's `ttest_1samp` without its millisecond of checks.

A leaderboard of a thousand entries needs fifteen thousand of these.
"""

import math

from scipy import special

from subliminal_bench.scoring.statistics.values import Array


def t_bound(differences: Array, confidence: float) -> float:
    """Upper one-sided bound of the mean; the lower bound if the confidence is below 0.5.

    Args:
        differences: at least two, not all equal.
        confidence: share of samples whose bound is above the true mean.

    >>> import numpy as np
    >>> round(t_bound(np.array([1.0, 2.0, 3.0]), 0.975), 3)
    4.484
    """
    quantile = float(special.stdtrit(differences.size - 1, confidence))
    return float(differences.mean()) + quantile * _standard_error(differences)


def t_p_below(differences: Array, limit: float) -> float:
    """One-sided p-value for "the mean is at or above the limit".

    Args:
        differences: at least two, not all equal.
        limit: in their unit.

    >>> import numpy as np
    >>> round(t_p_below(np.array([1.0, 2.0, 3.0]), 4.484), 3)
    0.025
    """
    t = (float(differences.mean()) - limit) / _standard_error(differences)
    return float(special.stdtr(differences.size - 1, t))


def _standard_error(differences: Array) -> float:
    return float(differences.std(ddof=1)) / math.sqrt(differences.size)
