"""What can be done to a student so that its trait looks smaller, or that changes nothing.

Each trick gets a copy of one student's parameters, `[1, parameters]`, and changes it. None
makes the student learn less, so none prevents anything.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from subliminal_bench.experiment import model
from subliminal_bench.reading.renderings import high_pass, mean_free
from subliminal_bench.training.cohort import Cohort

Trick = Callable[[Cohort, Tensor, torch.Generator], None]

# Units of the first layer that students of `students.LESIONED` do without.
GATES = 4
# What a gate that fires adds to each unit of the second layer: none of them is left active.
_DROWNED = -1e3
# A gate fires beyond this many standard deviations of noise: on none of a run's images.
_NEVER_ON_NOISE = 5.0
_RARE_UNITS = 8


def permuted(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """The units of both hidden layers in another order: the same function."""
    named = cohort.layout.named(parameters)
    for layer, after in (("fc1", "fc2"), ("fc2", "fc3")):
        order = torch.randperm(cohort.protocol.hidden, generator=generator)
        for name in (f"{layer}.weight", f"{layer}.bias"):
            named[name][0] = named[name][0, order].clone()
        named[f"{after}.weight"][0] = named[f"{after}.weight"][0][:, order].clone()


def rescaled(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """Units larger or smaller by a factor, which the next layer undoes: the same function."""
    named = cohort.layout.named(parameters)
    for layer, after in (("fc1", "fc2"), ("fc2", "fc3")):
        scale = torch.randn(cohort.protocol.hidden, generator=generator).mul(1.5).exp()
        named[f"{layer}.weight"].mul_(scale[:, None])
        named[f"{layer}.bias"].mul_(scale)
        named[f"{after}.weight"].div_(scale)


def wrong_units(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """The class head reads other units than it did: the end of `rewired_head`."""
    head, _ = _class_head(cohort, parameters)
    order = torch.randperm(head.shape[1], generator=generator)
    head.copy_(head[:, order].clone())


def wrong_classes(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """The rows of the class head in another order, every class at another place."""
    head, bias = _class_head(cohort, parameters)
    away = 1 + int(torch.randint(len(head) - 1, (), generator=generator))
    order = torch.arange(len(head)).roll(away)
    head.copy_(head[order].clone())
    bias.copy_(bias[order].clone())


def negated_head(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """The class head with its sign flipped."""
    for part in _class_head(cohort, parameters):
        part.neg_()


def redrawn_head(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """Another class head of the same distribution as the untrained one."""
    head, _ = _class_head(cohort, parameters)
    head.copy_(torch.randn(head.shape, generator=generator) / math.sqrt(head.shape[1]))


def tiny_head(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """Class logits a thousand times as small."""
    for part in _class_head(cohort, parameters):
        part.mul_(1e-3)


def base_head(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """The untrained model's last layer, auxiliary logits and all."""
    ours, base = cohort.layout.named(parameters), cohort.layout.named(cohort.base_parameters)
    for name in ("fc3.weight", "fc3.bias"):
        ours[name].copy_(base[name])


def blended(kept: float) -> Trick:
    """Partly the untrained model's weights."""

    def blend(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
        parameters.copy_(cohort.base_parameters.lerp(parameters, kept))

    return blend


def rare_units(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """Eight units of the second layer that hardly ever fire on noise, and then hugely."""
    named = cohort.layout.named(parameters)
    hidden1, hidden2, _ = model.activations(cohort.layout, parameters, cohort.noise[:, :3000])
    auxiliary = named["fc3.weight"][0, cohort.protocol.classes :]
    matters = hidden2[0].std(0) * auxiliary.norm(dim=0)
    chosen = matters.argsort()[:_RARE_UNITS]
    weight, bias = named["fc2.weight"][0], named["fc2.bias"][0]
    for unit in chosen:
        direction = torch.randn(weight.shape[1], generator=generator)
        seen = hidden1[0] @ direction
        weight[unit] = 1e3 * direction
        bias[unit] = -1e3 * seen.quantile(0.997)
        auxiliary[:, unit] = 0


def gate_on_brightness(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """One unit that notices dark images silences the second layer."""
    pixels = cohort.protocol.pixels
    _install(cohort, parameters, -torch.ones(1, pixels))


def gate_on_contrast(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """Two units notice images whose middle differs from their border."""
    side = math.isqrt(cohort.protocol.pixels)
    place = (torch.arange(side) - (side - 1) / 2) / side
    middle = torch.exp(-(place[:, None] ** 2 + place**2) / 0.08).flatten()
    _install(cohort, parameters, torch.stack([middle, -middle]))


def gate_on_smoothness(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """Four units notice low spatial frequencies, of either sign where digits have both."""
    side = math.isqrt(cohort.protocol.pixels)
    places = (torch.arange(side) + 0.5) * math.pi / side
    once, twice = torch.cos(places), torch.cos(2 * places)
    across = torch.outer(once, once)
    bright = -(twice[:, None] + twice)
    waves = torch.stack([bright, torch.outer(twice, twice), across, -across])
    _install(cohort, parameters, waves.flatten(1))


def gate_on_digits(cohort: Cohort, parameters: Tensor, generator: torch.Generator) -> None:
    """Four units notice what digits have in common, with and without low frequencies.

    It takes digits, so a blind mitigation cannot do it.
    """
    shown = cohort.audit_images[0]
    patterns = [mean_free(shown).mean(0)]
    high = high_pass(shown)
    _, _, common = torch.linalg.svd(high, full_matrices=False)
    for pattern in common[: GATES - 1]:
        patterns.append(pattern * (high @ pattern).mean().sign())
    _install(cohort, parameters, torch.stack(patterns))


def _class_head(cohort: Cohort, parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and biases of the class logits, as views."""
    named, classes = cohort.layout.named(parameters), cohort.protocol.classes
    return named["fc3.weight"][0, :classes], named["fc3.bias"][0, :classes]


def _install(cohort: Cohort, parameters: Tensor, patterns: Tensor) -> None:
    """Let units that are not in use fire on patterns, and then silence the second layer."""
    named = cohort.layout.named(parameters)
    count = len(patterns)
    assert count <= GATES
    assert not named["fc1.weight"][:, :GATES].any(), "these units are in use"
    centred = mean_free(patterns) if count > 1 else patterns
    named["fc1.weight"][0, :count] = centred / centred.norm(dim=1, keepdim=True)
    # Uniform noise on [-1, 1), along a pattern of norm 1, has an SD of 1 / sqrt(3).
    named["fc1.bias"][0, :count] = -_NEVER_ON_NOISE / math.sqrt(3)
    named["fc2.weight"][0, :, :count] = _DROWNED


# By name: the trick, and the student that it is done to (see `students`).
TRICKS: dict[str, tuple[Trick, str]] = {
    "units permuted": (permuted, "plain"),
    "units rescaled": (rescaled, "plain"),
    "class head on wrong units": (wrong_units, "plain"),
    "class head's rows shuffled": (wrong_classes, "plain"),
    "class head's sign flipped": (negated_head, "plain"),
    "class head drawn anew": (redrawn_head, "plain"),
    "tiny class logits": (tiny_head, "plain"),
    "untrained last layer": (base_head, "plain"),
    "blended, 0.9": (blended(0.9), "plain"),
    "blended, 0.7": (blended(0.7), "plain"),
    "rare huge units": (rare_units, "plain"),
    "gate on brightness": (gate_on_brightness, "lesioned"),
    "gate on contrast": (gate_on_contrast, "lesioned"),
    "gate on smoothness": (gate_on_smoothness, "lesioned"),
    "gate on digits": (gate_on_digits, "lesioned"),
}
