"""Training teachers, and the bases that some tracks have, on labelled digits."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from subliminal_bench.experiment import model, streams
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.objective import adam
from subliminal_bench.experiment.protocol import Protocol, Task
from subliminal_bench.experiment.tasks import lesson, members
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
    return _trained(
        protocol,
        protocol.trait_task,
        seeds,
        digits,
        base_parameters(protocol, seeds, digits, device),
        protocol.teacher_epochs,
        protocol.teacher_order_offset,
        advance,
    )


@pinned_torch()
def base_parameters(
    protocol: Protocol, seeds: tuple[int, ...], digits: Digits, device: torch.device
) -> Tensor:
    """What teacher and student both start from, `[students, parameters]`.

    It is the initialisation, trained on the protocol's skill if it has one.

    Args:
        protocol: the experiment.
        seeds: one base per seed.
        digits: on `device`.
        device: where to train.
    """
    begun = model.initial_parameters(protocol, seeds, device)
    if protocol.skill is None:
        return begun
    # One at a time: the same base, to the bit, whichever seeds are trained together.
    return torch.cat(
        [
            _trained(
                protocol,
                protocol.skill,
                (seed,),
                digits,
                row.unsqueeze(0),
                protocol.base_epochs,
                streams.BASE_ORDER_OFFSET,
            )
            for seed, row in zip(seeds, begun, strict=True)
        ]
    )


def _trained(
    protocol: Protocol,
    task: Task,
    seeds: tuple[int, ...],
    digits: Digits,
    begun: Tensor,
    epochs: int,
    order_offset: int,
    advance: Callable[[int], None] = lambda steps: None,
) -> Tensor:
    """Train one model per seed on a task by cross-entropy among its logits."""
    shape = model.layout(protocol)
    parameters = begun.clone().requires_grad_()
    optimiser = adam(protocol, parameters)
    part = torch.stack([_part(protocol, task, seed, digits) for seed in seeds])
    order = torch.stack(
        [streams.orders(seed + order_offset, task.teacher_images, epochs) for seed in seeds]
    )
    for epoch in range(epochs):
        for places in order[:, epoch].split(protocol.batch, 1):
            index = part.gather(1, places).to(begun.device)
            images = digits.images[index.flatten()].unflatten(0, index.shape)
            images, labels = lesson(
                protocol, task, images, digits.labels[index], places.to(begun.device)
            )
            logits = model.forward(shape, parameters, images)[..., task.logits]
            loss = functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
            # A sum over students: each row of the gradient belongs to one student.
            (parameters.grad,) = torch.autograd.grad(loss.mean(1).sum(), parameters)
            optimiser.step()
            advance(1)
    return parameters.detach()


def _part(protocol: Protocol, task: Task, seed: int, digits: Digits) -> Tensor:
    """Indices of a seed's training images into the digits, int64 `[images]`, on the CPU."""
    part, _, _ = streams.split(protocol, seed)
    return members(protocol, task, part, digits.labels, task.teacher_images, tested=False)
