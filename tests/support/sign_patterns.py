"""The sign-flip p over all sign patterns, written down plainly."""

import numpy as np
from numpy.typing import NDArray


def p_of_all_patterns(differences: NDArray[np.float64]) -> float:
    """Of up to some twenty differences; two sums within a rounding error are a tie."""
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    near = 1e-12 * float(np.abs(differences).sum())
    return float((np.abs(sums) >= abs(float(differences.sum())) - near).mean())
