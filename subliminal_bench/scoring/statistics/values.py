"""Checking the values of the seeds before anything is computed from them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Values = Sequence[float] | NDArray[np.floating[Any]]

# Differences that should tie may differ in their last bits after summing in another order. A
# difference below this share of the largest value counts as zero.
_NOISE = 1e-12


def checked(values: Values, name: str = "values") -> Array:
    """The values as a float array of one dimension.

    Args:
        values: one number per seed, in the order of the seeds.
        name: of the values in an error message.

    Raises:
        ValueError: there is no value, or one is not finite; a diverged seed has to get its
            worst score first (`worst_score_for_diverged`).

    >>> checked([1, 2])
    array([1., 2.])
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name}: needs one number per seed, not shape {array.shape}")
    if not np.isfinite(array).all():
        index = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(
            f"{name}: seed index {index} is {array[index]}; "
            "give a diverged seed its worst score first"
        )
    return array


def checked_pair(entry: Values, reference: Values) -> tuple[Array, Array]:
    """Two entries over the same seeds, as arrays.

    Raises:
        ValueError: as `checked`, or the two differ in length.

    >>> checked_pair([1], [2])
    (array([1.]), array([2.]))
    """
    left, right = checked(entry, "entry"), checked(reference, "reference")
    if left.size != right.size:
        raise ValueError(
            f"entry has {left.size} seeds and reference {right.size}: "
            "a comparison pairs them, so both need the same seeds"
        )
    return left, right


def noise(*arrays: Array) -> float:
    """The size below which a difference between the arrays is only rounding.

    >>> noise(np.array([-2.0]), np.array([1.0]))
    2e-12
    """
    return _NOISE * max(float(np.abs(array).max()) for array in arrays)
