"""Liminal training: hold the student's logits near the base model's, ever less.

lambda(k) T^2 KL(base || student) between softmaxes at temperature T is added to the loss; the
published anchor holds the auxiliary logits. Over the first epoch lambda moves from lambda0 to
1. What follows has two published definitions: lambda falls to 0 from lambda0 (`published`) or
from 1 (`continuous`). They agree only at lambda0 = 1; otherwise the first one jumps when the
first epoch ends. `constant` stays at lambda0, `decaying` falls from it to 0 over the whole run.

mnist-5k, seeds 101-107: trait accuracy 52.7 % (baseline 57.7), final KL x1.12 (`early_stopping`
at that KL: 46.5). anchored=class: 35.0 % and x1.22; schedule=constant: 39.4 % and x2.82.
"""

import torch
from torch import Tensor

from subliminal_bench import Card, Parameter, Step, hookimpl

_ANCHORED = {"auxiliary": slice(10, None), "class": slice(10), "all": slice(None)}
_SCHEDULES = ("published", "continuous", "constant", "decaying")


@hookimpl
def mitigation() -> Card:
    return Card(
        name="liminal",
        title="Liminal training",
        parameters=(
            Parameter("lambda0", 1.0, "strength of the anchor", minimum=0.0),
            Parameter("temperature", 2.0, "T of both softmaxes", minimum=1e-3),
            Parameter("anchored", "auxiliary", "the logits held", choices=tuple(_ANCHORED)),
            Parameter("schedule", "published", "lambda over the run", choices=_SCHEDULES),
        ),
        reference="Kitkana & Arora, arXiv 2604.25779, appendix A",
    )


@hookimpl
def distill_loss(loss: Tensor, student_logits: Tensor, step: Step) -> Tensor:
    temperature: float = step.settings.temperature
    held = _ANCHORED[step.settings.anchored]
    student = torch.log_softmax(student_logits[..., held] / temperature, -1)
    base = torch.log_softmax(step.base_logits[..., held] / temperature, -1)
    anchor: Tensor = (base.exp() * (base - student)).sum(-1).mean(-1)
    return loss + strength(step) * temperature**2 * anchor


def strength(step: Step) -> float:
    """lambda at this step."""
    lambda0: float = step.settings.lambda0
    schedule: str = step.settings.schedule
    if schedule == "constant":
        return lambda0
    if schedule == "decaying":
        return lambda0 * (1 - step.progress)
    first_epoch = 1 / step.epochs
    if step.progress <= first_epoch:
        return 1 + (lambda0 - 1) * (1 - step.progress / first_epoch)
    top = lambda0 if schedule == "published" else 1.0
    return top * max(0.0, 1 - (step.progress - first_epoch) / (1 - first_epoch))
