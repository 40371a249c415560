"""Stopping early without more false alarms.

Testing after every seed and stopping at the first p below .05 is wrong in a third of A/A
comparisons. Five planned interim looks with strict early levels avoid that: the levels are of
O'Brien & Fleming's (1979) kind, close to those of the spending function of Lan & DeMets (1983)
at equal steps.

The statistics at a look are valid at every look, whatever the reason for stopping there. A
p-value is a repeated p-value (Jennison & Turnbull 1989, Interim analyses: the repeated
confidence interval approach; Liu & Anderson 2008, On adaptive extensions of group sequential
trials): it is the chance that exchangeable entries come, at any look, as close to that look's
level as this comparison came at its closest. Holm's correction applies to such p-values as to
any others (Ye, Li, Liu & Yao 2013, A group sequential Holm procedure). The repeated interval
uses the same levels: it covers the mean at all looks together in 95 % of cases.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from scipy import optimize, stats

from subliminal_bench.scoring.statistics.crossing import Sides, crossing_probability
from subliminal_bench.scoring.statistics.distillation import (
    MARGIN,
    NonInferiority,
    non_inferiority,
)
from subliminal_bench.scoring.statistics.paired import (
    PairedDifference,
    nearer_zero,
    paired_difference,
)
from subliminal_bench.scoring.statistics.resolution import resolvable_difference
from subliminal_bench.scoring.statistics.rounding import rounding_allowance
from subliminal_bench.scoring.statistics.sign_flip import (
    EXACT_SEEDS,
    exact_sign_flip_p,
    sign_flip_p,
    smallest_p,
)
from subliminal_bench.scoring.statistics.values import Values, checked_pair, noise

_SIZE = 0.05
# Below this level a normal quantile overflows, and nothing is that unlikely.
_SMALLEST_SCALE = 1e-290


@dataclass(frozen=True)
class SequentialDesign:
    """Interim looks that are fixed before the run, and the level of each look.

    Attributes:
        looks: number of seeds at each look, rising.
        levels: nominal two-sided level of each look. Only their proportions matter, because
            they are scaled to the required size.

    Raises:
        ValueError: the looks do not rise or differ in number from the levels, or a level is
            outside 0 to 1.
    """

    looks: tuple[int, ...]
    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.looks) != len(self.levels) or not self.looks:
            raise ValueError(
                f"{len(self.looks)} looks need as many levels, not {len(self.levels)}"
            )
        if self.looks[0] < 2 or any(b <= a for a, b in pairwise(self.looks)):
            raise ValueError(f"looks {self.looks} must rise, from 2 seeds or more")
        for level in self.levels:
            if not 0 < level < 1:
                raise ValueError(f"level {level} must lie between 0 and 1")

    def reached(self, seeds: int) -> int:
        """The number of looks that this many seeds have reached.

        >>> PLAN.reached(19), PLAN.reached(60)
        (0, 3)
        """
        return sum(look <= seeds for look in self.looks)

    def size(self, scale: float, sides: Sides = 2) -> float:
        """Chance that any look's p is at most its level times `scale`, if nothing differs.

        >>> round(PLAN.size(1.0), 3)
        0.05
        """
        return _size(self, scale, sides)

    def level(self, seeds: int, size: float = _SIZE, sides: Sides = 2) -> float:
        """Nominal level of one look in the design that has this size over all its looks.

        Args:
            seeds: number of seeds at the look.
            size: of all looks together, above 0 and below 1.
            sides: of the test. A one-sided test spends its size at one end.

        Raises:
            ValueError: no look has that many seeds.

        >>> f"{PLAN.level(20):.7f}", round(PLAN.level(100), 4)
        ('0.0000198', 0.039)
        """
        if seeds not in self.looks:
            raise ValueError(f"none of the looks {self.looks} has {seeds} seeds")
        nominal = self.levels[self.looks.index(seeds)] * _scale(self, size, sides)
        return nominal if sides == 2 else nominal / 2


# The design of the plan, which is fixed before any run.
PLAN = SequentialDesign(
    looks=(20, 40, 60, 80, 100), levels=(0.00002, 0.0019, 0.0108, 0.0245, 0.0394)
)


def repeated_paired_difference(
    entry: Values,
    reference: Values,
    design: SequentialDesign = PLAN,
    *,
    rounding_sd: float = 0.0,
) -> PairedDifference:
    """Compare an entry with a reference at one of the looks.

    The p-value includes earlier looks: a difference that an earlier look resolved stays
    resolved. Up to 20 seeds a look counts all sign patterns (at 20 its p can reach 2 in a
    million, while 9,999 drawn patterns stop at 2 in 10,000). With more seeds, its p is that of
    `paired_difference`.

    Args:
        entry: one value per seed, the seeds in the order fixed in advance.
        reference: the same seeds in the same order.
        design: one of its looks must have this number of seeds.
        rounding_sd: as for `paired_difference`.

    Returns:
        As `paired_difference`, but valid at every look: `p_value` and `smallest_p` are
        repeated p-values, `low` and `high` are the ends of the repeated 95 % interval, and
        `smallest_difference` is the difference that this look finds by itself.

    Raises:
        ValueError: as `paired_difference`, or no look has this number of seeds.

    >>> import numpy as np
    >>> reference = np.linspace(0.3, 0.7, 20)
    >>> found = repeated_paired_difference(reference - 0.1, reference)
    >>> round(found.p_value, 4)
    0.0053
    """
    left, right = checked_pair(entry, reference)
    nominal = design.level(left.size)
    passed = design.looks[: design.reached(left.size)]
    p_values = [_p_value(left[:look], right[:look], rounding_sd) for look in passed]
    found = paired_difference(left, right, level=1 - nominal, rounding_sd=rounding_sd)
    return replace(
        found,
        p_value=_repeated_p(design, p_values),
        smallest_p=_repeated_p(design, [_smallest_p(look) for look in passed]),
        smallest_difference=resolvable_difference(found.sd or 0.0, left.size, alpha=nominal)
        + found.allowance,
    )


def repeated_non_inferiority(
    entry_kl: Values,
    reference_kl: Values,
    design: SequentialDesign = PLAN,
    *,
    margin: float = MARGIN,
    rounding_sd: float = 0.0,
) -> NonInferiority:
    """`non_inferiority` at one of the looks, with its one-sided size spread over all looks.

    The trait decides which look is the last, and the trait correlates with the distillation;
    so this test must also be valid at every look.

    Args:
        entry_kl: KL of each seed, in nats, above zero.
        reference_kl: the reference's, over the same seeds in the same order.
        design: one of its looks must have this number of seeds.
        margin: largest ratio that counts as kept, 1 or above.
        rounding_sd: as for `non_inferiority`.

    Returns:
        As `non_inferiority`, with the repeated one-sided 95 % bounds; `p_value` is the size
        at which this look would just show the ratio to be below the margin.

    Raises:
        ValueError: as `non_inferiority`, or no look has this number of seeds.

    >>> import numpy as np
    >>> ratios = 1 + 0.02 * np.tile([-1.0, 1.0], 10)
    >>> found = repeated_non_inferiority(ratios, np.ones(20))
    >>> found.verdict, round(found.high, 3)
    ('kept', 1.024)
    """
    seeds = len(entry_kl)
    nominal = design.level(seeds, sides=1)
    found = non_inferiority(
        entry_kl,
        reference_kl,
        margin=margin,
        confidence=1 - nominal,
        rounding_sd=rounding_sd,
    )
    if found.p_value is None:
        return found
    level = design.levels[design.looks.index(seeds)]
    return replace(found, p_value=design.size(2 * found.p_value / level, sides=1))


def _p_value(entry: Values, reference: Values, rounding_sd: float) -> float:
    left, right = checked_pair(entry, reference)
    allowance = rounding_allowance(rounding_sd, left.size)
    test = exact_sign_flip_p if left.size <= EXACT_SEEDS else sign_flip_p
    return test(nearer_zero(left - right, allowance), noise(left, right))


def _smallest_p(seeds: int) -> float:
    """The smallest p that a look's test can give."""
    return 2.0 / 2**seeds if seeds <= EXACT_SEEDS else smallest_p(seeds)


def _repeated_p(design: SequentialDesign, p_values: Sequence[float]) -> float:
    """The size at which the closest of these looks would just have resolved something."""
    scales = [p / level for p, level in zip(p_values, design.levels, strict=False)]
    return design.size(min(scales))


@lru_cache(maxsize=4096)
def _size(design: SequentialDesign, scale: float, sides: Sides) -> float:
    if scale < _SMALLEST_SCALE:
        return 0.0
    nominal = [min(1.0, scale * level) for level in design.levels]
    # At a nominal level of 1 every value counts, whichever end is meant.
    if 1.0 in nominal:
        return 1.0
    quantiles = [float(stats.norm.isf(level / 2)) for level in nominal]
    return crossing_probability(quantiles, design.looks, sides)


@lru_cache(maxsize=64)
def _scale(design: SequentialDesign, size: float, sides: Sides) -> float:
    if not 0 < size < 1:
        raise ValueError(f"size {size} must lie between 0 and 1")

    def excess(logarithm: float) -> float:
        return _size(design, math.exp(logarithm), sides) - size

    highest = -math.log(max(design.levels))
    return math.exp(float(optimize.brentq(excess, -40.0, highest, xtol=1e-12)))
