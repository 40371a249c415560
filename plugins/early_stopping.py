"""Early stopping: distil plainly, and stop before the end.

A control that every other entry should be held against: the trait comes with the steps, so
whatever slows distillation down has less of it. An entry is more than a slower distillation
only where it has less trait than this one at the same final KL.

mnist-5k, seeds 101-107: trait accuracy 52.0 % (baseline 57.7), final KL x1.06; with until=0.4
33.7 % and x1.30. At the KL of another entry: plain distillation measured every 20 steps and
interpolated, seed by seed.
"""

import torch
from torch import Tensor

from subliminal_bench import Card, Parameter, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="early_stopping",
        title="Plain distillation, stopped early (control)",
        parameters=(
            Parameter("until", 0.8, "share of the steps taken", minimum=0.0, maximum=1.0),
        ),
    )


@hookimpl
def parameter_update(update: Tensor, step: Step) -> Tensor:
    taken = step.index < step.settings.until * step.steps
    return update if taken else torch.zeros_like(update)
