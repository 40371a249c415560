"""What readers find, made by hand."""

from typing import Any

import numpy as np

from subliminal_bench.scoring.breaking import Found

SEEDS = 12


def found(seeds: int = SEEDS, **but: Any) -> Found:
    """A steady reader with a gain of .4, which finds a share of .9; or other numbers."""
    generator = np.random.default_rng(7)

    def about(mean: float) -> Any:
        return mean + 0.002 * generator.standard_normal(seeds)

    values = {
        "untrained": about(0.3),
        "plain": about(0.7),
        "ended": about(0.7),
        "reordered": about(0.7),
        "reordered_plain": about(0.7),
        "decoy": about(0.3),
        "entry": about(0.66),
    }
    return Found(**values | {name: np.full(seeds, 1.0) * one for name, one in but.items()})
