"""Bounds of a ratio of two means over the same seeds."""

import math

from scipy import special

from subliminal_bench.scoring.statistics.values import Values, checked_pair, noise


def ratio_bound(
    numerator: Values, denominator: Values, confidence: float, *, rounding: float = 0.0
) -> float:
    """Upper one-sided bound of mean(numerator) / mean(denominator); lower if below 0.5.

    The bound is the ratio R at which Student's one-sided paired t test of
    mean(numerator - R * denominator) = 0 is just at its limit (Fieller 1954, Some problems in
    interval estimation). It assumes normal values, but no small error of the denominator.

    Args:
        numerator: one value per seed.
        denominator: one value per seed, the same seeds in the same order.
        confidence: share of samples whose bound is above the true ratio.
        rounding: values that differ by no more than this are equal, and a mean no larger is
            zero; never less than `noise`, in the values' unit.

    Returns:
        A ratio. It is infinite (negative if the confidence is below 0.5) where the
        denominator's mean is not shown to be above zero at this confidence: then no ratio is
        too far out.

    Raises:
        ValueError: fewer than two seeds, unequal lengths, a value that is not finite, or a
            confidence that is 0.5 or not between 0 and 1.

    >>> round(ratio_bound([0.9, 1.1, 1.3], [2.0, 2.2, 2.4], 0.95), 3)
    0.566
    >>> ratio_bound([1.0, 1.0], [2.0, 2.0], 0.95)
    0.5
    >>> ratio_bound([1.0, 1.0], [-1.0, 2.0], 0.05)
    -inf
    """
    if not 0 < confidence < 1 or confidence == 0.5:
        raise ValueError(f"confidence {confidence} must lie between 0 and 1 and not be 0.5")
    above, below = checked_pair(numerator, denominator)
    seeds = above.size
    if seeds < 2:
        raise ValueError(f"a bound of a ratio needs two seeds, not {seeds}")
    side = 1.0 if confidence > 0.5 else -1.0
    quantile = float(special.stdtrit(seeds - 1, max(confidence, 1 - confidence)))
    mean = float(below.mean())
    around = below - mean
    spread = float(around @ around)
    least = max(rounding, noise(below))
    if math.sqrt(spread / (seeds - 1)) <= least:
        around, spread = around * 0.0, 0.0
    # Squared standard errors times the squared quantile: what a squared mean has to exceed.
    scale = quantile**2 / (seeds * (seeds - 1))
    room = mean**2 - scale * spread
    if mean <= least or room <= 0:
        return side * math.inf
    ratio = float(above.mean()) / mean
    # With the ratio taken out, the bound is the solution of one quadratic equation without
    # differences of nearly equal numbers.
    rest = above - float(above.mean()) - ratio * around
    squares = float(rest @ rest)
    if math.sqrt(squares / (seeds - 1)) <= max(rounding, noise(above, ratio * below)):
        return ratio
    lean = side * scale * float(rest @ around)
    root = math.sqrt(lean**2 + room * scale * squares)
    distance = (root - lean) / room if lean <= 0 else scale * squares / (root + lean)
    return ratio + side * distance
