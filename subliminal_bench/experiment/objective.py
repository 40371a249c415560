"""The loss that a student minimises, and the optimiser."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from subliminal_bench.experiment.protocol import Protocol

LossKind = Literal["kl", "squared error"]


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
    return AuxiliaryLoss(protocol.classes)(student_logits, targets)


@dataclass(frozen=True)
class AuxiliaryLoss:
    """The loss that students minimise, which looks at auxiliary logits only.

    Attributes:
        classes: number of class logits; those after them are auxiliary.
        kind: the KL, or the mean squared error over images and logits.

    >>> AuxiliaryLoss(10, "squared error")(torch.zeros(1, 4, 13), torch.ones(1, 4, 3))
    tensor([1.])
    """

    classes: int
    kind: LossKind = "kl"

    @classmethod
    def of(cls, protocol: Protocol) -> "AuxiliaryLoss":
        """The protocol's."""
        return cls(protocol.classes, protocol.distillation_loss)

    def __call__(self, student_logits: Tensor, targets: Tensor) -> Tensor:
        """The loss `[students]`; see `distillation_kl`."""
        own = student_logits[..., self.classes :]
        if self.kind == "squared error":
            return (own - targets).square().mean((-1, -2))
        student, teacher = torch.log_softmax(own, -1), torch.log_softmax(targets, -1)
        each = functional.kl_div(student, teacher, reduction="none", log_target=True)
        return each.sum(-1).mean(-1)


def distillation_loss(protocol: Protocol, student_logits: Tensor, targets: Tensor) -> Tensor:
    """The protocol's loss, `[students]`; see `AuxiliaryLoss`."""
    return AuxiliaryLoss.of(protocol)(student_logits, targets)


def adam(protocol: Protocol, parameters: Tensor) -> torch.optim.Adam:
    """The teacher's optimiser: Adam with torch's defaults, in full float32."""
    return torch.optim.Adam([parameters], lr=protocol.learning_rate)


def student_optimiser(protocol: Protocol, parameters: Tensor) -> torch.optim.Optimizer:
    """The student's optimiser: the teacher's, or what the track has instead."""
    rate = protocol.student_learning_rate or protocol.learning_rate
    if protocol.student_optimiser == "sgd":
        return torch.optim.SGD([parameters], lr=rate, momentum=protocol.student_momentum)
    return torch.optim.Adam([parameters], lr=rate)
