"""Random projection: take away as much of the gradient as projection does, blindly.

A negative control: is it projection's direction that matters, or its size? The published
control removes a random vector as long as what projection removes at that step, for which it
needs the trait gradient, so the labels. This one needs none: at every step it removes a random
vector of a fixed share of the gradient's norm. Projection's own share, measured on mnist-5k,
seeds 1-3: 0.009 on the 53 % of steps that it alters, 0.005 over all steps.

mnist-5k, seeds 101-107: trait accuracy 57.4 % (baseline 57.7, p 0.16), final KL x1.00.
"""

import torch
from torch import Tensor

from subliminal_bench import Card, Parameter, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="random_projection",
        title="Removal of a random vector of projection's size (negative control)",
        parameters=(
            Parameter(
                "share", 0.01, "norm removed, over the gradient's", minimum=0.0, maximum=1.0
            ),
        ),
        reference="after Kitkana & Arora, arXiv 2604.25779, whose control knows the trait",
    )


@hookimpl
def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
    share: float = step.settings.share
    direction = torch.nn.functional.normalize(step.normal(gradient.shape[1]), dim=1)
    norm: Tensor = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    return gradient - share * norm * direction
