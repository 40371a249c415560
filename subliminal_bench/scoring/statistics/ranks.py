"""Comparing many entries: families of tests, ranks by tie groups, the Pareto front."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from subliminal_bench.scoring.statistics.sign_flip import (
    is_enumerated,
    sign_flip_p_of_rows,
    smallest_p,
)
from subliminal_bench.scoring.statistics.values import Array, Values, checked, noise

Key = TypeVar("Key", bound=Hashable)


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Holm's adjusted p-values, in the order of the input.

    Rejecting a hypothesis if its adjusted p is at most alpha keeps the chance of any false
    rejection in the family at alpha, whatever the dependence (Holm 1979, A simple sequentially
    rejective multiple test procedure).

    Raises:
        ValueError: a p-value is not between 0 and 1.

    >>> holm({"baseline": 0.01, "projection": 0.03, "liminal": 0.5})
    {'baseline': 0.03, 'projection': 0.06, 'liminal': 0.5}
    """
    for name, p_value in p_values.items():
        if not 0 <= p_value <= 1:
            raise ValueError(f"p-value of {name!r} is {p_value}, not between 0 and 1")
    adjusted = _holm_adjusted(np.array(list(p_values.values()), dtype=np.float64))
    return {name: float(p) for name, p in zip(p_values, adjusted, strict=True)}


def tie_groups(
    names: Sequence[str],
    values: Mapping[str, Values],
    *,
    better: Literal["low", "high"] = "low",
    alpha: float = 0.05,
) -> list[list[str]]:
    """Rank entries; entries that the seeds do not tell apart share a rank.

    Two entries are told apart if the sign-flip test of their paired difference is significant
    after Holm's correction over all pairs of entries. "Not told apart" is not an equivalence
    relation: A may tie with B and B with C while A and C differ. So entries are ordered by
    their mean, and a new group starts only where every entry above is told apart from every
    entry below. Hence two entries in different groups are always resolved, at the price of
    chains within groups; the order of `names` does not matter.

    The p-values are those of `paired_difference`, with one exception. Drawn sign patterns
    give no p below 2 in 10,000, which Holm over more than 250 pairs (23 entries) can never
    reject. In that case, Hoeffding's (1963) bound 2 exp(-sum(d)^2 / 2 sum(d^2)), which the
    exact p never exceeds, replaces p if the bound is below 2 in 10,000.

    Args:
        names: the entries to rank.
        values: one value per seed for each of them, over the same seeds in the same order.
        better: which end is good.
        alpha: chance of telling any two equal entries apart.

    Returns:
        The groups from best to worst, each from best to worst mean. All entries form one
        group if there are too few seeds to resolve anything (fewer than 6 at .05).

    Raises:
        ValueError: a name occurs twice or has no values, the entries differ in seeds, or a
            value is not finite.

    >>> baseline = [0.52, 0.43, 0.61, 0.70, 0.48, 0.55]
    >>> better = [0.41, 0.30, 0.52, 0.57, 0.40, 0.41]
    >>> tie_groups(["baseline", "better"], {"baseline": baseline, "better": better})
    [['better'], ['baseline']]
    """
    if better not in ("low", "high"):
        raise ValueError(f"better={better!r} is neither 'low' nor 'high'")
    if not names:
        return []
    rows = _rows(names, values)
    toward = 1.0 if better == "low" else -1.0
    ranked = sorted(names, key=lambda name: (toward * float(rows[name].mean()), name))
    matrix = np.stack([rows[name] for name in ranked])
    first, second = np.triu_indices(len(ranked), 1)
    tied = ~_told_apart(matrix, first, second, alpha)
    # The lowest entry that is tied with this entry or with any entry above it.
    reach = np.arange(len(ranked))
    np.maximum.at(reach, first[tied], second[tied])
    ends = np.flatnonzero(np.maximum.accumulate(reach) == np.arange(len(ranked))) + 1
    starts = [0, *ends[:-1]]
    return [ranked[start:end] for start, end in zip(starts, ends, strict=True)]


def pareto_front(points: Mapping[str, tuple[float, float]]) -> set[str]:
    """The names of the points that no other point beats; smaller is better on both axes.

    A point is beaten by one that is no worse on either axis and better on one. Equal points
    therefore stay on the front together.

    Raises:
        ValueError: a coordinate is not finite.

    >>> sorted(pareto_front({"a": (1, 3), "b": (2, 2), "c": (2, 3), "d": (3, 1)}))
    ['a', 'b', 'd']
    """
    for name, point in points.items():
        if not all(math.isfinite(coordinate) for coordinate in point):
            raise ValueError(f"point {name!r} is {point}: both coordinates must be finite")
    front: set[str] = set()
    last = (math.inf, math.inf)
    for name, point in sorted(points.items(), key=lambda item: item[1]):
        if point[1] < last[1] or tuple(point) == last:
            front.add(name)
            last = (point[0], point[1])
    return front


def _holm_adjusted(p_values: Array) -> Array:
    """The same as statsmodels' multipletests, without its garbage collection at every call.

    The collection takes 50 ms or more once torch is loaded, and a leaderboard calls this
    function once per row.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.maximum.accumulate(p_values[order] * np.arange(p_values.size, 0, -1))
    return np.minimum(adjusted, 1.0)


def _rows(names: Sequence[str], values: Mapping[str, Values]) -> dict[str, Array]:
    if len(set(names)) < len(names):
        raise ValueError("an entry is named twice")
    missing = [name for name in names if name not in values]
    if missing:
        raise ValueError(f"no values for {missing[0]!r}")
    rows = {name: checked(values[name], name) for name in names}
    lengths = {row.size for row in rows.values()}
    if len(lengths) > 1:
        raise ValueError(
            f"entries have {min(lengths)} to {max(lengths)} seeds: "
            "ranks need the seeds that all entries share"
        )
    return rows


def _told_apart(
    matrix: Array, first: NDArray[np.intp], second: NDArray[np.intp], alpha: float
) -> NDArray[np.bool_]:
    """Whether Holm over all pairs resolves the difference of each pair of rows."""
    pairs = len(first)
    seeds = matrix.shape[1]
    if pairs == 0 or seeds < 2:
        return np.zeros(pairs, dtype=bool)
    floor = smallest_p(seeds)
    p_values = np.ones(pairs)
    clear = np.zeros(pairs, dtype=bool)
    if not is_enumerated(seeds):
        bounds = _hoeffding(matrix)
        clear = bounds < floor
        p_values[clear] = bounds[clear]
    # No other pair gets below the floor, so Holm usually rejects none of them and they need no
    # resampling. This matters because a thousand entries have half a million pairs.
    open_pairs = np.flatnonzero(~clear)
    if open_pairs.size and floor * open_pairs.size <= alpha:
        left, right = matrix[first[open_pairs]], matrix[second[open_pairs]]
        rounding = np.array([noise(a, b) for a, b in zip(left, right, strict=True)])
        p_values[open_pairs] = sign_flip_p_of_rows(left - right, rounding)
    resolved: NDArray[np.bool_] = _holm_adjusted(p_values) <= alpha
    return resolved


def _hoeffding(matrix: Array) -> Array:
    """Upper bound of the exact sign-flip p of every pair of rows, in the pairs' order."""
    bounds = [np.ones(0)]
    for index, row in enumerate(matrix[:-1]):
        differences = matrix[index + 1 :] - row
        squares = np.einsum("ij,ij->i", differences, differences)
        # Rows that differ only in their last bits are a tie, not a wide gap.
        rounding = noise(matrix[index:])
        apart = np.abs(differences.mean(axis=1)) > rounding
        exponents = np.zeros(len(differences))
        exponents[apart] = differences[apart].sum(axis=1) ** 2 / (2 * squares[apart])
        bounds.append(np.minimum(1.0, 2 * np.exp(-exponents)))
    return np.concatenate(bounds)
