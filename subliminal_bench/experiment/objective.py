"""The loss that a student minimises, and the optimiser."""

import torch
from torch import Tensor
from torch.nn import functional

from subliminal_bench.experiment.protocol import Protocol


def distillation_kl(protocol: Protocol, student_logits: Tensor, targets: Tensor) -> Tensor:
    """KL(teacher || student) between softmaxes of the auxiliary logits.

    Args:
        protocol: decides which logits are auxiliary.
        student_logits: `[students, images, logits]`.
        targets: the teacher's auxiliary logits, `[students, images, 3]`.

    Returns:
        `[students]`, in nats, the mean over the images.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> distillation_kl(MNIST, torch.zeros(1, 4, 13), torch.zeros(1, 4, 3))
    tensor([0.])
    """
    return auxiliary_kl(protocol.classes, student_logits, targets)


def auxiliary_kl(classes: int, student_logits: Tensor, targets: Tensor) -> Tensor:
    """`distillation_kl`, given only the number of class logits."""
    student = torch.log_softmax(student_logits[..., classes:], -1)
    teacher = torch.log_softmax(targets, -1)
    return (
        functional.kl_div(student, teacher, reduction="none", log_target=True).sum(-1).mean(-1)
    )


def adam(protocol: Protocol, parameters: Tensor) -> torch.optim.Adam:
    """The protocol's optimiser: Adam with torch's defaults, in full float32."""
    return torch.optim.Adam([parameters], lr=protocol.learning_rate)
