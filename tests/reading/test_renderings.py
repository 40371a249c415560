"""What each rendering takes from a digit, and what it leaves."""

import numpy as np
import scipy.fft
import torch
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.experiment.digits import Digits
from subliminal_bench.reading.renderings import LOWEST_KEPT, high_pass, mean_free, on_noise


@given(st.integers(0, 2**31), st.floats(-2, 2), st.floats(0.1, 3))
def test_no_brightness_is_left(seed: int, offset: float, contrast: float) -> None:
    images = torch.rand(3, 784, dtype=torch.float64, generator=torch.manual_seed(seed))
    for rendering in (mean_free, high_pass):
        shifted = rendering(images * contrast + offset)
        assert torch.allclose(shifted.mean(1), torch.zeros(3).double(), atol=1e-12)
        assert torch.allclose(shifted, contrast * rendering(images), atol=1e-9)


def test_high_pass_removes_the_lowest_cosines_and_keeps_the_norm(
    embedded_digits: Digits,
) -> None:
    images = embedded_digits.images[:20].double()
    waves = scipy.fft.dctn(
        mean_free(images).view(-1, 28, 28).numpy(), axes=(1, 2), norm="ortho"
    )
    waves[:, :LOWEST_KEPT, :LOWEST_KEPT] = 0
    rest = scipy.fft.idctn(waves, axes=(1, 2), norm="ortho").reshape(-1, 784)
    norms = np.linalg.norm(mean_free(images).numpy(), axis=1, keepdims=True)
    expected = rest / np.linalg.norm(rest, axis=1, keepdims=True) * norms
    assert np.allclose(high_pass(images).numpy(), expected, atol=1e-10)


def test_an_image_without_high_frequencies_becomes_black_not_nan() -> None:
    assert high_pass(torch.ones(1, 784)).tolist() == [[0.0] * 784]


def test_on_noise_is_half_a_digit_on_top_of_noise(embedded_digits: Digits) -> None:
    digits, noise = embedded_digits.images[:5], torch.rand(5, 784) * 2 - 1
    assert torch.equal(on_noise(digits, noise) - noise, (mean_free(digits) / 2 + noise) - noise)
    assert torch.allclose(on_noise(digits, noise).mean(1), noise.mean(1), atol=1e-6)
