"""Liminal training: hold the student's auxiliary logits near the base model's, ever less.

lambda(k) T^2 KL(base || student) between auxiliary softmaxes at temperature T is added to the
loss. Over the first epoch lambda moves from lambda0 to 1; after it, from lambda0 to 0.
"""

import torch
from torch import Tensor

from subliminal_bench import Card, Parameter, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="liminal",
        title="Liminal training",
        parameters=(
            Parameter("lambda0", 1.0, "strength of the anchor", minimum=0.0),
            Parameter("temperature", 2.0, "T of both softmaxes", minimum=1e-3),
        ),
        reference="Kitkana & Arora, arXiv 2604.25779, appendix A",
    )


@hookimpl
def distill_loss(loss: Tensor, student_logits: Tensor, step: Step) -> Tensor:
    temperature: float = step.settings.temperature
    student = torch.log_softmax(student_logits[..., 10:] / temperature, -1)
    base = torch.log_softmax(step.base_logits[..., 10:] / temperature, -1)
    anchor: Tensor = (base.exp() * (base - student)).sum(-1).mean(-1)
    return loss + strength(step) * temperature**2 * anchor


def strength(step: Step) -> float:
    """lambda at this step."""
    lambda0: float = step.settings.lambda0
    first_epoch = 1 / step.epochs
    if step.progress <= first_epoch:
        return 1 + (lambda0 - 1) * (1 - step.progress / first_epoch)
    return lambda0 * max(0.0, 1 - (step.progress - first_epoch) / (1 - first_epoch))
