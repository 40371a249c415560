"""What a number of seeds can show: power, and the smallest difference that it resolves.

`power` and `resolvable_difference` are for the two-sided paired t test under normal
differences (Student 1908; Cohen 1988, Statistical Power Analysis). The sign-flip test that
gates a verdict has the same power from about 11 seeds on; for fewer seeds,
`smallest_difference` accounts for its coarser p-values.
"""

import math
from functools import lru_cache

from scipy import integrate, optimize, special

# Mean difference in SDs that the sign-flip test finds at .05 in 80 % of normal samples,
# simulated with 200,000 to 400,000 samples each. At 6 seeds all signs have to agree, so the
# value is the normal quantile of .8^(1/6). The t test's own values would be found in only 62,
# 76, 77, 79 and 79 % of cases.
_SIGN_FLIP_EFFECT = {6: 1.793, 7: 1.331, 8: 1.189, 9: 1.090, 10: 1.006}


def power(difference: float, sd: float, n: int, alpha: float = 0.05) -> float:
    """Probability that a two-sided paired t test at `alpha` finds this mean difference.

    Args:
        difference: true mean difference, in the unit of `sd`; its sign does not matter.
        sd: standard deviation of the paired differences, above zero.
        n: seeds, at least 2.
        alpha: size of the test.

    Raises:
        ValueError: `sd`, `n` or `alpha` is out of range.

    >>> round(power(1.0, 2.5, 100), 3)
    0.977
    """
    _check(sd, n, alpha)
    if sd == 0:
        raise ValueError("power needs an SD above zero")
    return _power_of_effect(abs(difference) / sd, n, alpha)


def resolvable_difference(sd: float, n: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """Smallest mean difference that a two-sided paired t test finds with this power.

    Args:
        sd: standard deviation of the paired differences.
        n: seeds, at least 2.
        power: probability of finding it, above `alpha`.
        alpha: size of the test.

    Returns:
        A difference in the unit of `sd`; zero if `sd` is zero.

    Raises:
        ValueError: an argument is out of range.

    >>> round(resolvable_difference(2.9, 5), 2)
    4.88
    """
    _check(sd, n, alpha)
    if not alpha < power < 1:
        raise ValueError(f"power {power} must lie between alpha {alpha} and 1")
    return sd * _effect_with_power(n, power, alpha)


def smallest_difference(sd: float, n: int) -> float | None:
    """Smallest mean difference that the sign-flip test finds at .05 with 80 % power.

    Args:
        sd: standard deviation of the paired differences, which are assumed to be normal.
        n: seeds.

    Returns:
        A difference in the unit of `sd`, or None below 6 seeds, because the test then resolves
        no difference, however large. From 11 seeds on it is the difference for the paired t
        test, and for fewer seeds a little larger.

    Raises:
        ValueError: `sd` is negative or not finite.

    >>> smallest_difference(2.9, 5)
    >>> round(smallest_difference(2.9, 6), 2), round(smallest_difference(2.9, 100), 2)
    (5.2, 0.82)
    """
    if not 0 <= sd < math.inf:
        raise ValueError(f"SD {sd} must be zero or above")
    if n < min(_SIGN_FLIP_EFFECT):
        return None
    if n in _SIGN_FLIP_EFFECT:
        return sd * _SIGN_FLIP_EFFECT[n]
    return resolvable_difference(sd, n)


def _check(sd: float, n: int, alpha: float) -> None:
    if not 0 <= sd < math.inf:
        raise ValueError(f"SD {sd} must be zero or above")
    if n < 2:
        raise ValueError(f"a paired t test needs 2 seeds, not {n}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha} must lie between 0 and 1")


def _power_of_effect(effect: float, n: int, alpha: float) -> float:
    """Power at a mean difference of `effect` SDs.

    scipy's noncentral t distribution, and so statsmodels' TTestPower, gives nan for large
    effects at few seeds. The distribution's definition does not: a normal over an independent
    chi, averaged over the chi. The chi's density is written out, because scipy's general one
    takes fifty times as long.
    """
    df = n - 1
    critical = -float(special.stdtrit(df, alpha / 2)) / math.sqrt(df)
    shift = effect * math.sqrt(n)
    log_norm = math.lgamma(df / 2) + (df / 2 - 1) * math.log(2)

    def integrand(chi: float) -> float:
        if chi <= 0:
            return 0.0
        density = math.exp((df - 1) * math.log(chi) - chi * chi / 2 - log_norm)
        found = special.ndtr(shift - critical * chi) + special.ndtr(-shift - critical * chi)
        return density * float(found)

    # Outside of this range the chi has a probability below 1e-30; the points are where the
    # density and the normals have their steps.
    middle, width = math.sqrt(df), 12.0
    low, high = max(0.0, middle - width), middle + width
    steps = [middle, *((shift + end) / critical for end in (-8.0, 0.0, 8.0))]
    points = [step for step in steps if low < step < high]
    area, _ = integrate.quad(integrand, low, high, points=points, limit=200, epsabs=1e-12)
    return min(1.0, float(area))


@lru_cache(maxsize=256)
def _effect_with_power(n: int, power: float, alpha: float) -> float:
    high = 1.0
    while _power_of_effect(high, n, alpha) < power:
        high *= 2
    return float(
        optimize.brentq(lambda effect: _power_of_effect(effect, n, alpha) - power, 0, high)
    )
