"""Stroke anchor: distil in smooth pixel patterns, and hold the class logits on random strokes.

Digits are drawn with smooth strokes, so that is where a trait shows. Each step draws
stroke-like images from random fields and holds the student's class logits on them (and, more
weakly, on the noise) at the base model's; the class head itself stays frozen, so the body has
to comply. What that costs in KL is won back: the first layer's gradient is damped in the high
spatial frequencies, where plain distillation mostly memorises its noise images, and larger
steps end in a linear decay.

mnist-5k, seeds 101-107, untouched by tuning (seeds 1-3): trait accuracy 14.9 % (baseline 57.7,
untrained 10.5), the same under the initial head, trait loss 2.31 (from 2.41), final KL x1.03,
at most x1.06: mitigates. mnist, seeds 101-103: 15.1 % (59.3, untrained 11.5), final KL x1.02.

What it fails at: the trait is not gone, each of these ten seeds ends 2 to 8 points above the
untrained model. More `weight` removes more and loses the KL: 0.1 came to x1.09. The strokes are
a prior on what digits look like, pixels in their places included; a trait on images of another
kind is not held. Without both anchors the rest of it amplifies: trait accuracy 79 % at final KL
x0.62 (seeds 1-3, baseline 50 %), so the low KL is the schedule's and the filter's, not the
anchor's.
"""

import math

import torch
from torch import Tensor

from subliminal_bench import Card, Parameter, Step, hookimpl

# Grain of the random field and width of its contour lines, in pixels and field values.
STROKES = ((2.0, 0.5), (3.0, 0.35), (4.0, 0.25), (5.0, 0.2))


@hookimpl
def mitigation() -> Card:
    return Card(
        name="stroke_anchor",
        title="Class logits held on random strokes",
        prior="digits are bright, smooth strokes on a dark ground, in the middle of the image",
        twin={"weight": 0.0, "noise_weight": 0.0},
        parameters=(
            Parameter("weight", 0.07, "anchor on the strokes", minimum=0.0),
            Parameter("noise_weight", 0.02, "anchor on the noise", minimum=0.0),
            Parameter("images", 256, "strokes drawn a step", minimum=4),
            Parameter("cutoff", 14.0, "highest spatial frequency learned fully", minimum=0.0),
            Parameter("fine", 0.2, "gain of finer gradients", minimum=0.0, maximum=1.0),
            Parameter("step_size", 3.0, "of plain distillation's steps", minimum=0.0),
        ),
    )


@hookimpl
def distill_loss(loss: Tensor, student_logits: Tensor, step: Step) -> Tensor:
    images = strokes(step)
    student = step.forward(step.student_parameters, images)
    base = step.forward(step.base_parameters, images)
    settings = step.settings
    on_strokes = settings.weight * moved(student, base)
    on_noise = settings.noise_weight * moved(student_logits, step.base_logits)
    total: Tensor = loss + on_strokes + on_noise
    return total


@hookimpl
def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
    named = step.named(gradient)
    named["fc3.weight"][:, :10] = 0
    named["fc3.bias"][:, :10] = 0
    weight = named["fc1.weight"]
    side = math.isqrt(weight.shape[2])
    waves = cosines(side).to(weight)
    frequency = torch.arange(side).to(weight)
    coarse = frequency[:, None] ** 2 + frequency**2 < step.settings.cutoff**2
    gain = torch.where(coarse, 1.0, step.settings.fine)
    spectrum = waves @ weight.unflatten(2, (side, side)) @ waves.T
    weight.copy_((waves.T @ (spectrum * gain) @ waves).flatten(2))
    return gradient


@hookimpl
def parameter_update(update: Tensor, step: Step) -> Tensor:
    decay = min(1.0, (1 - step.progress) / 0.6 + 0.03)
    scaled: Tensor = step.settings.step_size * decay * update
    return scaled


def moved(student: Tensor, base: Tensor) -> Tensor:
    """Mean square of what the class logits moved by, apart from a shift that all share."""
    change = (student - base)[..., :10]
    return (change - change.mean(-1, keepdim=True)).square().mean((-1, -2))


def strokes(step: Step) -> Tensor:
    """Contour lines of smooth random fields on a dark ground, `[students, images, pixels]`."""
    side = math.isqrt(step.images.shape[-1])
    fields = step.normal(step.settings.images // len(STROKES), len(STROKES), side, side)
    place = (torch.arange(side) - (side - 1) / 2).to(fields)
    window = torch.sigmoid(6 * (1 - (place[:, None] ** 2 + place**2) / (0.34 * side) ** 2))
    drawn = []
    for field, (grain, width) in zip(fields.unbind(2), STROKES, strict=True):
        kernel = torch.exp(-0.5 * ((place[:, None] - place) / grain) ** 2)
        kernel /= kernel.norm(dim=1, keepdim=True)
        lines = torch.exp(-0.5 * (kernel @ field @ kernel.T / width) ** 2)
        drawn.append((2 * window * lines - 1).flatten(2))
    return torch.cat(drawn, 1)


def cosines(side: int) -> Tensor:
    """The orthonormal discrete cosine transform, `[frequencies, pixels]`."""
    place = torch.arange(side)
    waves = torch.cos(math.pi / side * place[:, None] * (place + 0.5)) * math.sqrt(2 / side)
    waves[0] /= math.sqrt(2)
    return waves
