"""Auxiliary head only: of the whole student, only the auxiliary logits' own weights learn.

Every other gradient is set to zero, and Adam leaves alone what has never had a gradient. The
hidden layers and the class head stay the initialisation's, so there is no trait by
construction; the question is how much distillation a linear read-out of them affords.

mnist-5k, seeds 101-107: trait accuracy 10.5 %, as untrained (baseline 57.7), final KL x3.77.
"""

import torch
from torch import Tensor

from subliminal_bench import Card, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="auxiliary_head_only",
        title="Only the auxiliary logits' weights are trained",
    )


@hookimpl
def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
    kept = torch.zeros_like(gradient)
    given, into = step.named(gradient), step.named(kept)
    for name in ("fc3.weight", "fc3.bias"):
        into[name][:, 10:] = given[name][:, 10:]
    return kept
