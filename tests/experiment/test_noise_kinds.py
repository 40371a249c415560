"""Noise of other kinds: as loud as the uniform one, drawn image by image."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from subliminal_bench.experiment import streams
from subliminal_bench.experiment.noise_kinds import BLUR, Kind, of_kind
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.tracks import BLURRED, PROTOCOLS

KINDS: tuple[Kind, ...] = ("uniform", "gaussian", "blurred")
MADE: tuple[Kind, ...] = ("gaussian", "blurred")
GAUSSIAN = PROTOCOLS["gaussian"]
SIDE = 28


def uniform(images: int, seed: int = 0) -> Tensor:
    return torch.rand(images, SIDE * SIDE, generator=torch.manual_seed(seed)) * 2 - 1


def neighbours(noise: Tensor) -> float:
    """The correlation of a pixel with the one on its right."""
    images = noise.double().view(-1, SIDE, SIDE)
    return float(np.corrcoef(images[..., :-1].flatten(), images[..., 1:].flatten())[0, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_the_variance_of_uniform_noise(kind: Kind) -> None:
    noise = of_kind(kind, uniform(1000)).double()
    assert float(noise.var()) == pytest.approx(1 / 3, rel=0.01)
    # At every place of the image, at its edges too.
    assert float(noise.var(0).min()) > 0.25
    assert float(noise.var(0).max()) < 0.42
    assert abs(float(noise.mean())) < 0.01


def test_gaussian_noise_is_normal() -> None:
    normal = scipy.stats.norm(scale=3**-0.5).cdf
    drawn = uniform(60)
    found = scipy.stats.kstest(of_kind("gaussian", drawn).flatten().numpy(), normal)
    assert found.pvalue > 1e-3
    # Uniform noise, which has the same variance, would not pass.
    other = scipy.stats.kstest(
        uniform(60).flatten().numpy(), scipy.stats.norm(scale=3**-0.5).cdf
    )
    assert other.pvalue < 1e-9


def test_gaussian_noise_is_the_normal_number_with_the_same_rank() -> None:
    drawn = uniform(20)
    ranks = (drawn.double().numpy() + 2**-24 + 1) / 2
    expected = scipy.special.ndtri(ranks) / math.sqrt(3)
    assert np.allclose(of_kind("gaussian", drawn).numpy(), expected, rtol=1e-4, atol=1e-6)


def test_blurred_noise_is_gaussian_noise_blurred_around_the_edges() -> None:
    drawn = uniform(20)
    plain = of_kind("gaussian", drawn).double().view(-1, SIDE, SIDE).numpy()
    places = np.minimum(np.arange(SIDE), SIDE - np.arange(SIDE))
    along = np.exp(-(places**2) / (2 * BLUR**2))
    kernel = np.outer(along, along) / np.linalg.norm(np.outer(along, along))
    waves = np.fft.fft2(plain) * np.fft.fft2(kernel)
    expected = np.fft.ifft2(waves).real.reshape(-1, SIDE * SIDE)
    assert np.allclose(of_kind("blurred", drawn).numpy(), expected, atol=1e-5)


def test_neighbours_are_alike_in_blurred_noise_only() -> None:
    drawn = uniform(300)
    assert neighbours(of_kind("blurred", drawn)) == pytest.approx(
        # Two Gaussians of the blur's width, a pixel apart.
        math.exp(-1 / (4 * BLUR**2)),
        abs=0.02,
    )
    assert abs(neighbours(of_kind("gaussian", drawn))) < 0.02
    assert abs(neighbours(drawn)) < 0.02


# Uniform float32 noise is a whole multiple of a 2^23rd.
STEPS = st.integers(-(2**23), 2**23 - 1)


@given(st.lists(STEPS, min_size=1, max_size=20))
def test_every_possible_number_gives_a_finite_one_and_its_opposite_the_opposite(
    steps: list[int],
) -> None:
    rows = torch.zeros(1, SIDE * SIDE)
    rows[0, : len(steps)] = torch.tensor(steps, dtype=torch.float64).div(2**23).float()
    mirrored = -rows - 2.0**-23
    for kind in MADE:
        assert torch.isfinite(of_kind(kind, rows)).all()
    assert torch.equal(of_kind("gaussian", mirrored), -of_kind("gaussian", rows))


@pytest.mark.parametrize("end", [-1.0, 1.0 - 2.0**-23, 0.0, -(2.0**-23)])
@pytest.mark.parametrize("kind", MADE)
def test_the_ends_are_finite_and_no_further_out_than_so_few_draws_reach(
    kind: Kind, end: float
) -> None:
    found = of_kind(kind, torch.full((2, SIDE * SIDE), end))
    assert torch.isfinite(found).all()
    assert float(of_kind("gaussian", torch.full((1, 784), end)).abs().max()) < 3.2


@pytest.mark.parametrize("protocol", [GAUSSIAN, BLURRED], ids=lambda one: one.name)
@given(st.integers(0, 30), st.integers(1, 30))
def test_an_image_is_the_same_whichever_are_made_with_it(
    protocol: Protocol, first: int, images: int
) -> None:
    together = streams.noise(protocol, 1, 0, 61)
    assert torch.equal(streams.noise(protocol, 1, first, images), together[first:][:images])


@pytest.mark.parametrize("protocol", [GAUSSIAN, BLURRED], ids=lambda one: one.name)
def test_what_readers_put_behind_digits_is_of_the_same_kind(
    protocol: Protocol,
) -> None:
    generator = torch.Generator().manual_seed(601)
    drawn = torch.rand(4, 784, generator=generator) * 2 - 1
    assert torch.equal(streams.reading_noise(protocol, 1, 4), of_kind(protocol.noise, drawn))


def test_uniform_noise_is_left_as_it_is() -> None:
    drawn = uniform(2)
    assert of_kind("uniform", drawn) is drawn
