"""A small network on both hidden layers, fitted on noise to the teacher's class logits.

A linear head sees only what is linear in the body. This one also finds what a student keeps in
products and thresholds of its units.
"""

import torch
from torch import Tensor
from torch.nn import functional

from subliminal_bench import Model, Parameter, ReaderCard, hookimpl
from subliminal_bench.mitigation.card import Settings
from subliminal_bench.reading.features import Standardised

BATCH = 500
RATE = 3e-3
DECAY = 1e-2


@hookimpl
def reader_card() -> ReaderCard:
    return ReaderCard(
        name="nonlinear_probe",
        title="Small network fitted on noise",
        method="one hidden layer of its own on both hidden layers of the body, fitted on the "
        "training noise to the teacher's class logits",
        reference="this project",
        parameters=(
            Parameter("units", 64, "of its own hidden layer", minimum=1, maximum=1024),
            Parameter("steps", 300, "of Adam", minimum=1, maximum=5000),
        ),
    )


def features(model: Model, images: Tensor) -> Tensor:
    return torch.cat(model.activations(images)[:2], 1)


@hookimpl
def reader(
    student: Model,
    teacher: Model,
    noise: Tensor,
    images: Tensor,
    generator: torch.Generator,
    settings: Settings,
) -> Tensor:
    hidden = features(student, noise)
    standardised = Standardised.over(hidden)
    shown = standardised.of(hidden)
    targets = teacher.class_logits(noise)
    targets = targets - targets.mean(1, keepdim=True)
    targets = (targets - targets.mean(0)) / targets.std()
    first = torch.randn(shown.shape[1], settings.units, generator=generator).to(shown)
    second = torch.randn(settings.units, targets.shape[1], generator=generator).to(shown)
    weights = [first / shown.shape[1] ** 0.5, second / settings.units**0.5]
    for one in weights:
        one.requires_grad_()
    optimiser = torch.optim.AdamW(weights, lr=RATE, weight_decay=DECAY)
    for _ in range(settings.steps):
        batch = torch.randint(len(shown), (BATCH,), generator=generator)
        said = torch.relu(shown[batch] @ weights[0]) @ weights[1]
        optimiser.zero_grad()
        functional.mse_loss(said, targets[batch]).backward()
        optimiser.step()
    with torch.no_grad():
        digits = standardised.of(features(student, images))
        said = torch.relu(digits @ weights[0]) @ weights[1]
    predicted: Tensor = said.argmax(1)
    return predicted
