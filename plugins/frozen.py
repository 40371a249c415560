"""Frozen: the student never moves, so nothing is learned, neither the trait nor the task.

A negative control: nothing is damaged and no trait is there, so its verdict must be that it
suppresses by not distilling. The gradient is left as it is: only the step is withheld.
mnist-5k, seeds 101-107: trait accuracy 10.5 %, as untrained (baseline 57.7), final KL x7.47.
"""

import torch
from torch import Tensor

from subliminal_bench import Card, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(name="frozen", title="Frozen student (negative control)")


@hookimpl
def parameter_update(update: Tensor) -> Tensor:
    return torch.zeros_like(update)
