"""Comparing tensors to the bit."""

import torch
from torch import Tensor


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Whether two floating-point tensors are the same, also where a number is nan.

    >>> nan = torch.tensor([1.0, float("nan")])
    >>> same_bits(nan, nan.clone()), torch.equal(nan, nan.clone())
    (True, False)
    """
    return torch.equal(first.view(torch.int32), second.view(torch.int32))
