"""Other kinds of noise, made of uniform noise image by image.

All kinds have the same variance, so that none is merely louder.
"""

import math
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["uniform", "gaussian", "blurred"]

# The standard deviation of uniform noise on [-1, 1).
DEVIATION = 1 / math.sqrt(3)
# Standard deviation of the blur, in pixels.
BLUR = 1.5
# Uniform float32 numbers are whole multiples of this; the first of them is -1 itself.
_STEP = 2.0**-23


def of_kind(kind: Kind, uniform: Tensor) -> Tensor:
    """Noise of a kind, from uniform noise; the same object if that is the kind.

    Gaussian noise is normal with the uniform one's standard deviation, pixel by pixel; blurred
    noise is Gaussian noise that is blurred by a Gaussian of `BLUR` pixels around the image's
    edges, and as loud as before.

    Args:
        kind: of noise.
        uniform: `[images, pixels]` on [-1, 1), square images.

    >>> noise = torch.rand(50, 784) * 2 - 1
    >>> [round(float(of_kind(kind, noise).std()), 1) for kind in ("gaussian", "blurred")]
    [0.6, 0.6]
    """
    if kind == "uniform":
        return uniform
    # Half a step up: symmetric, and never -1, whose normal number is infinite.
    normal = (uniform + _STEP / 2).erfinv_().mul_(math.sqrt(2) * DEVIATION)
    if kind == "gaussian":
        return normal
    side = math.isqrt(uniform.shape[1])
    blur = _blur(side).to(normal)
    blurred: Tensor = blur @ normal.unflatten(1, (side, side)) @ blur.T
    return blurred.flatten(1)


def _blur(side: int) -> Tensor:
    """The blur along one side, `[side, side]`; its rows have norm 1: the variance stays."""
    places = torch.arange(side, dtype=torch.float64)
    apart = (places[:, None] - places).abs()
    around = torch.minimum(apart, side - apart)
    weights = torch.exp(-(around**2) / (2 * BLUR**2))
    weights /= torch.linalg.vector_norm(weights, dim=1, keepdim=True)
    return weights
