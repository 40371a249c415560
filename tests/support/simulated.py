"""Simulated differences, and what a simulation's rate may be."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from subliminal_bench.scoring import statistics

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(size=shape)


def skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.lognormal(size=shape)


def collapsed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """One seed in ten falls thirty standard deviations from the rest."""
    return np.where(rng.random(shape) < 0.1, 30.0, 0.0) + rng.normal(size=shape)


def p_values(differences: Array) -> Array:
    # Rounding is some 1e-16 here, and no two of these sums tie by design.
    return statistics.sign_flip_p_of_rows(differences, np.full(len(differences), 1e-12))


def three_errors(rate: float, trials: int) -> float:
    return 3 * math.sqrt(rate * (1 - rate) / trials)


def assert_at_most(measured: float, rate: float, trials: int) -> None:
    assert measured <= rate + three_errors(rate, trials)


def assert_about(measured: float, rate: float, trials: int) -> None:
    assert measured == pytest.approx(rate, abs=three_errors(rate, trials))
