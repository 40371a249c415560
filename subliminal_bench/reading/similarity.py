"""How alike two models' hidden layers are."""

import torch
from torch import Tensor


def linear_cka(first: Tensor, second: Tensor) -> Tensor:
    """Linear centred kernel alignment, between 0 and 1 (Kornblith et al. 2019, equation 4).

    It does not depend on a rotation or a common scale of the units, but on their relative
    scales. It is 0 if a layer does not vary.

    Args:
        first: hidden units of one model, `[images, units]`.
        second: of another, on the same images.

    >>> units = torch.rand(9, 4, dtype=torch.float64)
    >>> round(float(linear_cka(units, 3 * units.flip(1))), 6)
    1.0
    """
    first, second = first - first.mean(0), second - second.mean(0)
    own = torch.linalg.matrix_norm(first.T @ first) * torch.linalg.matrix_norm(
        second.T @ second
    )
    crossed = torch.linalg.matrix_norm(first.T @ second).square()
    return torch.where(own > 0, crossed / own, torch.zeros_like(crossed))
