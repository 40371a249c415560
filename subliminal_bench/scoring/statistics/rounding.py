"""What arithmetic in another order may add to a comparison of two runs.

Training is chaotic: a difference in the last bit of a product moves a seed's final numbers a
little (docs/regression.md has the measurement). Between two runs on one machine these moves are
part of the seeds' spread. Between machines they might also have a direction, which more seeds
of the same two machines would not average away. So a test whose two sides were computed in
different ways must hold wherever the mean lies within an allowance.
"""

import math

# Standard errors of the measured chaos; as for a rerun that does not agree with its entry.
_STANDARD_ERRORS = 3.0


def rounding_allowance(sd: float, seeds: int) -> float:
    """How far other arithmetic may move the mean over some seeds.

    Args:
        sd: standard deviation of what it adds to one seed, zero or above.
        seeds: in the mean, 1 or more.

    Returns:
        A difference in the unit of `sd`.

    Raises:
        ValueError: an argument is out of range.

    >>> round(rounding_allowance(0.005, 25), 6)
    0.003
    """
    if not 0 <= sd < math.inf:
        raise ValueError(f"SD {sd} must be zero or above")
    if seeds < 1:
        raise ValueError(f"{seeds} seeds have no mean")
    return _STANDARD_ERRORS * sd / math.sqrt(seeds)
