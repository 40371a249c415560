"""Another initialisation: the student starts from other weights than its teacher did.

A negative control: subliminal learning needs the shared start, so the trait must vanish. The
published control deranges the seeds, so that each teacher meets the student of another seed;
here each student draws a start of its own, of the same distribution (weights
N(0, 1/sqrt(fan_in)), biases 0), from generators of the mitigation's. A seed's result then
depends on that seed alone, not on which seeds it ran beside.

mnist-5k, seeds 101-107: trait accuracy 9.3 % (baseline 57.7), final KL x7.97. It does learn,
from 65 mnat on the first batch down to 9.9 on fresh noise, but a student that shares its
teacher's start already begins at 9.6, which is what the verdict measures from.
`initial_head_accuracy` is chance: it puts the teacher's first head on a student that never had
it.
"""

import torch
from torch import Tensor

from subliminal_bench import Card, Training, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="other_initialisation",
        title="Another initialisation than the teacher's (negative control)",
        reference="after Kitkana & Arora, arXiv 2604.25779, whose control deranges the seeds",
    )


@hookimpl
def start(parameters: Tensor, training: Training) -> Tensor:
    other = torch.zeros_like(parameters)
    for name, part in training.named(other).items():
        if name.endswith("weight"):
            _, outputs, inputs = part.shape
            part.copy_(training.normal(outputs, inputs) * inputs**-0.5)
    return other
