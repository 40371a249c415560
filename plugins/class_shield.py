"""Class shield: damp every update where it would move the class logits on random strokes.

No term is added to the loss. Once an epoch, random stroke-like images give, for each hidden
layer, the second moments of its inputs and of the class logits' gradients at its outputs. Their
Kronecker product is the layer's curvature of "the class logits have moved" (K-FAC); what Adam
would add is divided by one plus `strength` times that curvature in its eigenbasis. Plain
distillation never touches the class head; biases count as weights of a constant input.

mnist-5k, seeds 101-107, untouched by tuning (seeds 1-3): trait accuracy 12.8 % (baseline 57.7,
untrained 10.5), the same under the initial head, trait loss 2.35 (from 2.41), final KL x1.55,
at least x1.52: attenuates. mnist, seeds 101-103: 13.7 % (59.3, untrained 11.5), final KL x1.63.

What it fails at: distillation is not kept, at any strength tried (seeds 1 and 2: 1 gives 14.5 %
at x1.48, 100 gives 11.8 % at x1.91, untrained 11.1 %), and every seed ends 1 to 4 points above
the untrained model. The strokes are a prior on what digits look like.
"""

import math

import torch
from torch import Tensor

from subliminal_bench import Card, Parameter, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="class_shield",
        title="Updates damped where class logits would move",
        parameters=(
            Parameter("strength", 3.0, "of the damping", minimum=0.0),
            Parameter("images", 1024, "strokes drawn an epoch", minimum=1),
        ),
        reference="curvature as in K-FAC: Martens & Grosse, arXiv 1503.05671",
    )


@hookimpl
def parameter_update(update: Tensor, step: Step) -> Tensor:
    if step.state.get("epoch") != step.epoch:
        shields = [shield(*sides, step) for sides in moments(step)]
        step.state.update(
            epoch=step.epoch, shields=dict(zip(("fc1", "fc2"), shields, strict=True))
        )
    named = step.named(update)
    for layer, (inputs, outputs, kept) in step.state["shields"].items():
        weight, bias = named[f"{layer}.weight"], named[f"{layer}.bias"]
        both = torch.cat([weight, bias.unsqueeze(2)], 2)
        both = outputs @ (kept * (outputs.mT @ both @ inputs)) @ inputs.mT
        weight.copy_(both[..., :-1])
        bias.copy_(both[..., -1])
    return update


def shield(inputs: Tensor, outputs: Tensor, step: Step) -> tuple[Tensor, Tensor, Tensor]:
    """Eigenvectors of both sides, and what is kept of an update in their basis."""
    (of_inputs, left), (of_outputs, right) = (
        torch.linalg.eigh(side / side.diagonal(dim1=1, dim2=2).mean(1)[:, None, None])
        for side in (inputs, outputs)
    )
    curvature = of_outputs.clamp(min=0).unsqueeze(2) * of_inputs.clamp(min=0).unsqueeze(1)
    return left, right, 1 / (1 + step.settings.strength * curvature)


def moments(step: Step) -> list[tuple[Tensor, Tensor]]:
    """Second moments of each hidden layer's inputs and of its outputs' class gradients."""
    named = step.named(step.student_parameters.detach())
    images = strokes(step)
    hidden1 = torch.relu(images @ named["fc1.weight"].mT + named["fc1.bias"].unsqueeze(1))
    hidden2 = torch.relu(hidden1 @ named["fc2.weight"].mT + named["fc2.bias"].unsqueeze(1))
    head = named["fc3.weight"][:, :10]
    # What all classes share moves no prediction.
    head = (head - head.mean(1, keepdim=True)).unsqueeze(1)
    slope2 = head * (hidden2 > 0).unsqueeze(2)
    slope1 = (slope2.flatten(1, 2) @ named["fc2.weight"]).view(*slope2.shape[:3], -1)
    slope1 = slope1 * (hidden1 > 0).unsqueeze(2)
    found = []
    for inputs, slopes in ((images, slope1), (hidden1, slope2)):
        constant = torch.cat([inputs, torch.ones_like(inputs[..., :1])], -1)
        flat = slopes.flatten(1, 2)
        found.append((constant.mT @ constant, flat.mT @ flat))
    return found


def strokes(step: Step) -> Tensor:
    """Contour lines of smooth random fields on a dark ground, `[students, images, pixels]`."""
    side = math.isqrt(step.images.shape[-1])
    field = step.normal(step.settings.images, side, side)
    place = (torch.arange(side) - (side - 1) / 2).to(field)
    window = torch.sigmoid(6 * (1 - (place[:, None] ** 2 + place**2) / (0.34 * side) ** 2))
    kernel = torch.exp(-0.5 * ((place[:, None] - place) / 3) ** 2)
    kernel /= kernel.norm(dim=1, keepdim=True)
    lines = torch.exp(-0.5 * (kernel @ field @ kernel.T / 0.35) ** 2)
    return (2 * window * lines - 1).flatten(2)
