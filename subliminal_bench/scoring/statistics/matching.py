"""Plain distillation's reading where it has distilled as much as an entry, on one seed.

The trait comes with the steps, so an entry that distils less shows less of it. An entry is
therefore compared with plain distillation of the same seed at the entry's own KL, which is read
off plain distillation's path.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from subliminal_bench.scoring.statistics.values import Array, checked

Beyond = Literal["", "before", "after"]


@dataclass(frozen=True, eq=False)
class Matched:
    """What plain distillation's path says at one KL.

    Attributes:
        values: one per reader, or an array of no dimension if the path has one value a point.
        beyond: empty if the path has this KL between its ends; `before` if the KL is above that
            of the first point, `after` if it is below the path's lowest. There the values are
            those of the nearest point.
    """

    values: Array
    beyond: Beyond


def at_equal_distillation(kl: float, path_kl: Array, path_values: Array) -> Matched:
    """Read a path at a KL, linearly in the logarithm of the KL between neighbouring points.

    A path's KL may rise for a few steps. A point counts only if its KL is below that of every
    earlier point, so of several points with the same running minimum, the first one counts. At
    a point that counts, the values are that point's, bit for bit.

    Args:
        kl: the entry's, in nats, above zero.
        path_kl: of each point, in nats, in the order of the steps.
        path_values: `[points]` or `[points, readers]`, such as accuracies.

    Raises:
        ValueError: no point, another number of values than of points, a KL that is not a finite
            number above zero, or a value that is not finite.

    >>> path = np.array([0.008, 0.002, 0.004, 0.0005])
    >>> accuracies = np.array([0.2, 0.3, 0.9, 0.5])
    >>> found = at_equal_distillation(0.001, path, accuracies)
    >>> round(float(found.values), 3), found.beyond
    (0.4, '')
    >>> at_equal_distillation(0.01, path, accuracies)
    Matched(values=array(0.2), beyond='before')
    """
    if not 0 < kl < math.inf:
        raise ValueError(f"KL {kl} must be a finite number above zero")
    lowest = np.minimum.accumulate(_checked_path(path_kl, path_values))
    counts = np.flatnonzero(np.r_[True, lowest[1:] < lowest[:-1]])
    points = lowest[counts]
    # The first point that has distilled at least as much as the entry.
    after = int(np.searchsorted(-points, -kl))
    if after == points.size:
        return Matched(np.array(path_values[counts[-1]]), "after")
    values = np.array(path_values[counts[after]])
    if after == 0:
        return Matched(values, "before" if kl > points[0] else "")
    high, low = float(points[after - 1]), float(points[after])
    if kl == low:
        return Matched(values, "")
    share = math.log(high / kl) / math.log(high / low)
    return Matched(np.array((1 - share) * path_values[counts[after - 1]] + share * values), "")


def _checked_path(path_kl: Array, path_values: Array) -> Array:
    kls = checked(path_kl, "path KL")
    if (kls <= 0).any():
        raise ValueError(f"path KL: point {int(np.argmax(kls <= 0))} must be above zero")
    if path_values.ndim not in (1, 2) or len(path_values) != kls.size:
        raise ValueError(
            f"a path of {kls.size} points needs one row of values each, "
            f"not shape {path_values.shape}"
        )
    if not np.isfinite(path_values).all():
        raise ValueError("a value of the path is not finite")
    return kls
