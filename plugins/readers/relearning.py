"""A few steps of plain distillation, and then the head fitted on noise.

What was only pushed out of sight comes back at once; what was never learned takes its time. The
untrained model gets the same steps, so a share counts only what comes back faster than there.
"""

import torch
from torch import Tensor
from torch.nn import functional

from subliminal_bench import Model, Parameter, ReaderCard, hookimpl
from subliminal_bench.mitigation.card import Settings
from subliminal_bench.reading.noise_head import NoiseHead

BATCH = 1024
RATE = 3e-4
FITTED = 3_000


@hookimpl
def reader_card() -> ReaderCard:
    return ReaderCard(
        name="relearning",
        title="Relearning",
        method="some steps of plain distillation, then a linear head from hidden layer 2, "
        "fitted on noise to the teacher's class logits",
        reference="this project, after Lynch et al. 2024, arXiv 2402.16835",
        parameters=(Parameter("steps", 10, "of plain distillation", minimum=0, maximum=200),),
    )


def relearned(
    student: Model, teacher: Model, noise: Tensor, steps: int, generator: torch.Generator
) -> Model:
    own = student.parameters.clone().requires_grad_()
    optimiser = torch.optim.Adam([own], lr=RATE)
    wanted = torch.log_softmax(teacher.auxiliary_logits(noise), 1)
    for _ in range(steps):
        batch = torch.randperm(len(noise), generator=generator)[:BATCH]
        said = student.with_parameters(own).auxiliary_logits(noise[batch])
        kl = functional.kl_div(
            torch.log_softmax(said, 1), wanted[batch], reduction="batchmean", log_target=True
        )
        (own.grad,) = torch.autograd.grad(kl, own)
        optimiser.step()
    return student.with_parameters(own.detach())


@hookimpl
def reader(
    student: Model,
    teacher: Model,
    noise: Tensor,
    images: Tensor,
    generator: torch.Generator,
    settings: Settings,
) -> Tensor:
    again = relearned(student, teacher, noise, settings.steps, generator)
    shown = noise[:FITTED]
    targets = teacher.class_logits(shown)
    targets = targets - targets.mean(1, keepdim=True)
    head = NoiseHead.fitted(again.activations(shown)[1], targets)
    return head.logits(again.activations(images)[1]).argmax(1)
