"""The written-out trait gradient against autograd."""

import pytest
import torch
from torch.nn import functional

from subliminal_bench import model
from subliminal_bench.alignment import inner_and_cosine, trait_gradient
from subliminal_bench.protocol import MNIST, MNIST_5K, Protocol
from tests.conftest import CPU, TINY


@pytest.mark.parametrize("protocol", [TINY, MNIST_5K, MNIST], ids=lambda one: one.name)
def test_the_written_out_gradient_is_autograds(protocol: Protocol) -> None:
    shape = model.layout(protocol)
    generator = torch.Generator().manual_seed(0)
    start = model.initial_parameters(protocol, (1, 2), CPU).double()
    # Biases are zero at the start; a gradient that ignored them would go unseen.
    start += 0.05 * torch.randn(start.shape, generator=generator, dtype=torch.float64)
    images = torch.rand(2, 40, 784, generator=generator, dtype=torch.float64) * 2 - 1
    labels = torch.randint(0, 10, (2, 40), generator=generator)
    leaf = start.clone().requires_grad_()
    logits = model.forward(shape, leaf, images)[..., :10]
    expected_loss = functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    (expected,) = torch.autograd.grad(expected_loss.mean(1).sum(), leaf)
    loss, gradient = trait_gradient(shape, start, images, labels, classes=10)
    torch.testing.assert_close(loss, expected_loss.mean(1).detach())
    torch.testing.assert_close(gradient, expected)


def test_the_auxiliary_head_has_no_part_in_the_trait() -> None:
    shape = model.layout(TINY)
    start = model.initial_parameters(TINY, (1,), CPU)
    _, gradient = trait_gradient(
        shape, start, torch.ones(1, 3, 784), torch.tensor([[0, 4, 9]]), classes=10
    )
    assert shape.named(gradient)["fc3.weight"][:, 10:].abs().max() == 0
    assert shape.named(gradient)["fc3.weight"][:, :10].abs().max() > 0


def test_a_missing_gradient_is_not_aligned() -> None:
    inner, cosine = inner_and_cosine(torch.zeros(2, 4), torch.ones(2, 4))
    assert inner.tolist() == cosine.tolist() == [0.0, 0.0]
