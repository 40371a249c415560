"""Training: the teacher on digits, the distillation loss, the optimiser."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from subliminal_bench import model, streams
from subliminal_bench.data import Digits
from subliminal_bench.protocol import Protocol


def distillation_kl(
    protocol: Protocol, student_logits: Tensor, teacher_logits: Tensor
) -> Tensor:
    """KL(teacher || student) between softmaxes of the auxiliary logits.

    Args:
        protocol: says which logits are auxiliary.
        student_logits: `[students, images, logits]`.
        teacher_logits: `[students, images, logits]`.

    Returns:
        `[students]`, in nats, the mean over the images.

    >>> from subliminal_bench.protocol import MNIST
    >>> distillation_kl(MNIST, torch.zeros(1, 4, 13), torch.zeros(1, 4, 13))
    tensor([0.])
    """
    return auxiliary_kl(protocol.classes, student_logits, teacher_logits)


def auxiliary_kl(classes: int, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """`distillation_kl` where only the number of class logits is known."""
    student = torch.log_softmax(student_logits[..., classes:], -1)
    teacher = torch.log_softmax(teacher_logits[..., classes:], -1)
    return (
        functional.kl_div(student, teacher, reduction="none", log_target=True).sum(-1).mean(-1)
    )


def adam(protocol: Protocol, parameters: Tensor) -> torch.optim.Adam:
    """The protocol's optimiser: Adam with torch's defaults, in full float32."""
    return torch.optim.Adam([parameters], lr=protocol.learning_rate)


def train_teachers(
    protocol: Protocol,
    seeds: tuple[int, ...],
    digits: Digits,
    device: torch.device,
    advance: Callable[[int], None] = lambda steps: None,
) -> Tensor:
    """Train one teacher a seed by cross-entropy on the class logits.

    Args:
        protocol: the experiment.
        seeds: one teacher each, trained in lockstep.
        digits: on `device`.
        device: where to train.
        advance: told the steps done since the last call.

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
            # A sum over students: each row's gradient is its own student's.
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
