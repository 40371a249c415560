"""Copies and comparisons hold for every kind of tensor that a hook may return."""

import pytest
import torch
from torch import Tensor

from subliminal_bench.experiment.tensors import copied, same_bits

KINDS = {
    "plain": torch.randn(2, 3),
    "double": torch.randn(2, 3, dtype=torch.float64),
    "turned": torch.randn(3, 2).t(),
    "one row for all": torch.randn(1, 3).expand(2, 3),
    "part of a graph": torch.randn(2, 3, requires_grad=True) * 2,
    "negated when it is read": torch.randn(2, 3, dtype=torch.complex64).conj().imag,
    "zero when it is read": torch._efficientzerotensor((2, 3)),
    "of no rows": torch.randn(0, 3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_has_the_same_numbers_and_memory_of_its_own(kind: str) -> None:
    given = KINDS[kind]
    copy = copied(given)
    assert torch.equal(copy, given)
    assert copy.dtype == given.dtype
    assert not copy.requires_grad
    copy += 1
    assert not copy.numel() or not torch.equal(copy, given)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Tensor([[0.0, 1.0]]), True),
        (Tensor([[-0.0, 1.0]]), False),
        (Tensor([[0.0], [1.0]]), False),
    ],
    ids=["the same", "another sign of zero", "another shape"],
)
def test_bits_are_compared_and_not_values(other: Tensor, same: bool) -> None:
    assert same_bits(Tensor([[0.0, 1.0]]), other) is same
