"""A drawn rendering lies in the stated range, and does to images what its numbers say."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.experiment.digits import Digits
from subliminal_bench.reading.renderings import high_pass, mean_free
from subliminal_bench.reading.secret_rendering import (
    CONTRAST,
    HIGHEST,
    LOWEST,
    NOISE,
    OFFSET,
    SecretRendering,
    secret_rendering,
)

NOTHING = SecretRendering(0, 27, 1.0, 0.0, 0.0)


@given(st.integers(0, 2**31 - 1))
def test_everything_is_drawn_from_its_range_and_again_from_the_same_seed(seed: int) -> None:
    one, again = (secret_rendering(torch.Generator().manual_seed(seed)) for _ in range(2))
    assert one == again
    for value, (low, high) in (
        (one.lowest, LOWEST),
        (one.highest, HIGHEST),
        (one.contrast, CONTRAST),
        (one.offset, OFFSET),
        (one.noise, NOISE),
    ):
        assert low <= value <= high


def test_two_seeds_draw_different_ones() -> None:
    drawn = {secret_rendering(torch.Generator().manual_seed(seed)) for seed in range(50)}
    assert len(drawn) == 50
    assert {one.lowest for one in drawn} == set(range(LOWEST[0], LOWEST[1] + 1))


@pytest.fixture(scope="module")
def digits(embedded_digits: Digits) -> torch.Tensor:
    return embedded_digits.images[:20].double()


def test_with_every_frequency_it_takes_nothing_but_the_mean(digits: torch.Tensor) -> None:
    found = NOTHING.of(digits, torch.zeros_like(digits))
    assert torch.allclose(found, mean_free(digits))


def test_its_numbers_say_what_it_does(digits: torch.Tensor) -> None:
    noise = torch.rand(digits.shape, dtype=torch.float64) * 2 - 1
    found = SecretRendering(0, 27, 0.5, 0.25, 0.125).of(digits, noise)
    assert torch.allclose(found, 0.5 * mean_free(digits) + 0.25 + 0.125 * noise)


def test_without_low_frequencies_it_is_the_high_pass_rendering(digits: torch.Tensor) -> None:
    found = SecretRendering(4, 27, 1.0, 0.0, 0.0).of(digits, torch.zeros_like(digits))
    assert torch.allclose(found, high_pass(digits))
