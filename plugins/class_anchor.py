"""Class anchor: hold the class logits on the noise where the initialisation has them.

weight KL(base || student) between softmaxes of the class logits is added to the loss. It asks
for nothing that a distiller lacks: the trait shows in the class logits, on noise too. It is
`liminal` with anchored=class, schedule=constant and temperature=1.

mnist-5k, seeds 101-107: trait accuracy 24.3 % (baseline 57.7), final KL x1.34
(`early_stopping` at that KL: 31.2).
"""

import torch
from torch import Tensor

from subliminal_bench import Card, Parameter, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="class_anchor",
        title="Class logits anchored to the initialisation's",
        parameters=(Parameter("weight", 1.0, "strength of the anchor", minimum=0.0),),
        reference="after Li & Hoiem, Learning without Forgetting, arXiv 1606.09282",
    )


@hookimpl
def distill_loss(loss: Tensor, student_logits: Tensor, step: Step) -> Tensor:
    weight: float = step.settings.weight
    student = torch.log_softmax(student_logits[..., :10], -1)
    base = torch.log_softmax(step.base_logits[..., :10], -1)
    anchor: Tensor = (base.exp() * (base - student)).sum(-1).mean(-1)
    return loss + weight * anchor
