"""Training the teachers on labelled digits."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from subliminal_bench.experiment import model, streams
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.objective import adam
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.torch_state import pinned_torch


@pinned_torch()
def train_teachers(
    protocol: Protocol,
    seeds: tuple[int, ...],
    digits: Digits,
    device: torch.device,
    advance: Callable[[int], None] = lambda steps: None,
) -> Tensor:
    """Train one teacher per seed by cross-entropy on the class logits.

    Args:
        protocol: the experiment.
        seeds: one teacher per seed, trained in lockstep.
        digits: on `device`.
        device: where to train.
        advance: called with the number of steps done since the last call.

    Returns:
        Parameters after the last step, `[students, parameters]`.
    """
    shape = model.layout(protocol)
    parameters = model.initial_parameters(protocol, seeds, device).requires_grad_()
    optimiser = adam(protocol, parameters)
    order = torch.stack([_teacher_order(protocol, seed) for seed in seeds])
    for epoch in range(protocol.teacher_epochs):
        for index in order[:, epoch].to(device).split(protocol.batch, 1):
            images = digits.images[index.flatten()].unflatten(0, index.shape)
            labels = digits.labels[index]
            logits = model.forward(shape, parameters, images)[..., : protocol.classes]
            loss = functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
            # A sum over students: each row of the gradient belongs to one student.
            (parameters.grad,) = torch.autograd.grad(loss.mean(1).sum(), parameters)
            optimiser.step()
            advance(1)
    return parameters.detach()


def _teacher_order(protocol: Protocol, seed: int) -> Tensor:
    """Indices into the digits, `[epochs, teacher_images]`."""
    teacher, _, _ = streams.split(protocol, seed)
    order = streams.orders(
        seed + protocol.teacher_order_offset, len(teacher), protocol.teacher_epochs
    )
    return teacher[order]
