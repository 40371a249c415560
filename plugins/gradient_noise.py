"""Gradient noise: Gaussian noise on the distillation gradient, in proportion to its norm.

The noise falls on every coordinate. Adam gives each a step of its own size, so what
distillation gives no gradient, such as the class head, wanders equally far however small the
noise is.

mnist-5k, seeds 101-107: trait accuracy 36.3 % (baseline 57.7), final KL x1.25
(`early_stopping` at that KL: 37.3).
"""

import math

import torch
from torch import Tensor

from subliminal_bench import Card, Parameter, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="gradient_noise",
        title="Gaussian noise on the gradient",
        parameters=(
            Parameter("relative", 1.0, "noise's norm over the gradient's", minimum=0.0),
        ),
        reference="after Neelakantan et al., arXiv 1511.06807",
    )


@hookimpl
def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
    relative: float = step.settings.relative
    numbers = gradient.shape[1]
    # A vector of n standard normal numbers has a norm of about sqrt(n).
    norm: Tensor = torch.linalg.vector_norm(gradient, dim=1, keepdim=True) / math.sqrt(numbers)
    return gradient + relative * norm * step.normal(numbers)
