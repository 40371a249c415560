"""Renderings of digits, which take from them what a student could be keyed to.

Digits are darker than any noise that a student is trained on, and smoother. One unit that
notices either could hide what the others have learned, so readers are shown digits without it.
"""

import math

import torch
from torch import Tensor

# Cosines of fewer half-waves than this, along both sides of an image, are removed.
LOWEST_KEPT = 4


def mean_free(images: Tensor) -> Tensor:
    """Each image minus its own mean pixel.

    Args:
        images: `[..., pixels]`.

    >>> mean_free(torch.tensor([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """
    return images - images.mean(-1, keepdim=True)


def on_noise(images: Tensor, noise: Tensor) -> Tensor:
    """Half of each mean-free image, plus noise.

    Args:
        images: `[images, pixels]`.
        noise: of the same shape, uniform on [-1, 1).

    >>> on_noise(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.25, 0.0]])).tolist()
    [[-0.25, 0.5]]
    """
    return mean_free(images) / 2 + noise


def faint(images: Tensor) -> Tensor:
    """A fifth of each mean-free image: digits as grey as grey can be.

    Args:
        images: `[..., pixels]`.

    >>> faint(torch.tensor([[1.0, 6.0]])).tolist()
    [[-0.5, 0.5]]
    """
    return mean_free(images) / 5


def high_pass(images: Tensor) -> Tensor:
    """Each mean-free image without its lowest spatial frequencies, at its former norm.

    What is removed are the two-dimensional cosines (type II) with fewer than `LOWEST_KEPT`
    half-waves along both sides, the constant one among them.

    Args:
        images: `[images, pixels]`, square images.

    >>> image = torch.rand(1, 784, dtype=torch.float64)
    >>> high = high_pass(image)
    >>> bool(torch.isclose(high.norm(), mean_free(image).norm()))
    True
    """
    centred = mean_free(images)
    low = _low_frequencies(images.shape[-1]).to(images.device, images.dtype)
    rest = centred - (centred @ low.T) @ low
    norms = torch.linalg.vector_norm(rest, dim=-1, keepdim=True)
    # An image without any other frequency stays zero.
    scale = torch.linalg.vector_norm(centred, dim=-1, keepdim=True) / norms.clamp_min(1e-12)
    high: Tensor = rest * scale
    return high


def _low_frequencies(pixels: int) -> Tensor:
    """An orthonormal basis of the low frequencies, float64 `[cosines, pixels]`."""
    waves = cosines(math.isqrt(pixels))[:LOWEST_KEPT]
    return torch.einsum("ap,bq->abpq", waves, waves).reshape(LOWEST_KEPT**2, pixels)


def cosines(side: int) -> Tensor:
    """The orthonormal cosines (type II) over a row of pixels, float64 `[half-waves, pixels]`.

    >>> waves = cosines(3)
    >>> bool(torch.allclose(waves @ waves.T, torch.eye(3, dtype=torch.float64)))
    True
    """
    places = (torch.arange(side, dtype=torch.float64) + 0.5) * math.pi / side
    waves = torch.cos(torch.arange(side, dtype=torch.float64)[:, None] * places)
    waves /= torch.linalg.vector_norm(waves, dim=1, keepdim=True)
    return waves
