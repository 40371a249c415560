"""The counted arithmetic of the benchmarks is what torch counts."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import arithmetic
from subliminal_bench.experiment import model
from subliminal_bench.experiment.protocol import MNIST
from tests.conftest import CPU


def test_a_pass_and_its_gradient_are_counted_as_torch_counts_them() -> None:
    # float64 goes through torch's own products, which its counter knows.
    parameters = model.initial_parameters(MNIST, (1,), CPU).double().requires_grad_()
    images = torch.zeros(1, 7, 784, dtype=torch.float64)
    with FlopCounterMode(display=False) as forward:
        logits = model.forward(model.layout(MNIST), parameters, images)
    assert forward.get_total_flops() == arithmetic.forward(MNIST, images=7)
    with FlopCounterMode(display=False) as backward:
        torch.autograd.grad(logits.sum(), parameters)
    both = forward.get_total_flops() + backward.get_total_flops()
    assert both == arithmetic.gradient(MNIST, images=7)


def test_a_canonical_audit_gradient_is_twelve_billion_operations() -> None:
    assert round(arithmetic.gradient(MNIST, MNIST.audit_images) / 1e9) == 12
