"""What is allowed but worthless, as a file or by its numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from subliminal_bench.experiment.readers import READERS
from subliminal_bench.scoring.words import VerdictWord
from tests.support.mitigation_files import GRADIENT, UPDATE, hook, source
from tests.support.runs import reading

# What a metric or the verdict shows. Allowed, but worthless.
SCRAMBLED = hook(
    GRADIENT,
    "changed = gradient.clone()",
    "into, now, base = (",
    "    step.named(one) for one in (changed, step.student_parameters, step.base_parameters)",
    ")",
    "for name in ('fc3.weight', 'fc3.bias'):",
    "    others = base[name][:, :10].roll(1, 1)",
    "    into[name][:, :10] = now[name][:, :10] - others",
    "return changed",
)
DAMAGING = hook(
    "finish(parameters, training)",
    "changed = parameters.clone()",
    "part = training.named(changed)['fc3.weight'][:, :10]",
    "part.copy_(10 * part.roll(1, 1))",
    "return changed",
)
TUNED = hook(
    UPDATE,
    "known = torch.tensor([seed <= 10 for seed in step.seeds])",
    "return torch.where(known[:, None], torch.zeros_like(update), update)",
)
WORTHLESS: dict[str, str] = {
    "scrambled": source(SCRAMBLED, card="Card('scrambled', 'Class head scrambled')"),
    "damaging": source(DAMAGING, card="Card('damaging', 'Class head turned')"),
    "tuned": source(TUNED, card="Card('tuned', 'For seeds 1 to 10')"),
}

LEVELS = np.linspace(0.35, 0.70, 10)
LOW = np.linspace(0.08, 0.12, 10)


def body(trait: "np.ndarray[tuple[int], np.dtype[np.float64]]", *but: str) -> dict[str, Any]:
    """What all readers of the body, or all but some, find where it has learned this much."""
    return {
        name: [reading(name, float(one)) for one in trait]
        for name, reader in READERS.items()
        if not reader.expressed and name not in but
    }


def plain_at(kl: float) -> Mapping[str, Any]:
    """Plain distillation, stopped where its KL is this one."""
    trait = 0.09 + (LEVELS - 0.09) * np.log(9e-3 / kl) / np.log(9)
    every = {name: [reading(name, float(one)) for one in trait] for name in READERS}
    return {**every, "kl_fresh": kl}


FEW_SHOT = ("few_shot_layer1", "few_shot_layer2")
HIGH_PASS = ("latent_high_pass", "latent_layer1_high_pass")
FIRST_LAYER = ("latent_layer1_on_noise", "latent_layer1_high_pass", "few_shot_layer1")
FIT = {"noise_fit": [reading("noise_fit", float(one)) for one in LEVELS]}
LITTLE = 0.09 + 0.35 * (LEVELS - 0.09)
# Metrics about as measured on mnist-5k, and the word that they must get. Whatever is not given
# here is as in a body that has learned no more than the class head expresses.
SHOWN: dict[str, tuple[Mapping[str, Any], VerdictWord]] = {
    "class head scrambled": (
        {**body(LEVELS), "class_head_change": 5.0, "trait_loss_final": 3.5},
        VerdictWord.HIDES,
    ),
    "class head on wrong units": (body(LEVELS), VerdictWord.HIDES),
    "frozen": ({"kl_fresh": 9e-3, "kl_mean": 9e-3}, VerdictWord.NOT_DISTILLING),
    "only the auxiliary head trained": ({"kl_fresh": 4e-3}, VerdictWord.NOT_DISTILLING),
    "confidently wrong": ({"trait_loss_final": 9.0}, VerdictWord.DAMAGE),
    "confidently wrong over a body that has learned": (
        {**body(LEVELS), "trait_loss_final": 9.0},
        VerdictWord.HIDES,
    ),
    "all digits called one": ({"classes_predicted": 1.0}, VerdictWord.DAMAGE),
    "stopped at x1.06": (plain_at(1.06e-3), VerdictWord.SLOWS),
    "stopped at x1.3": (plain_at(1.3e-3), VerdictWord.SLOWS),
    "stopped at x2": (plain_at(2e-3), VerdictWord.SLOWS),
    "gate on brightness": (
        {"expressed_meanfree": plain_at(1e-3)["expressed_meanfree"], **body(LEVELS)},
        VerdictWord.NO_EFFECT,
    ),
    "gate that silences the second layer": (
        {name: body(LEVELS)[name] for name in FIRST_LAYER} | FIT,
        VerdictWord.HIDES,
    ),
    "gate on low frequencies": (
        {name: body(LEVELS)[name] for name in HIGH_PASS} | body(LITTLE, *HIGH_PASS) | FIT,
        VerdictWord.HIDES,
    ),
    "gate that no reader of digits gets past": ({**body(LITTLE), **FIT}, VerdictWord.HIDES),
    "hidden from heads fitted on noise": (
        {name: body(LEVELS)[name] for name in FEW_SHOT},
        VerdictWord.HIDES,
    ),
    "units of the second layer broken": (
        {"latent_accuracy": 0.15, "latent_on_noise": 0.12},
        VerdictWord.DAMAGE,
    ),
    "honest": ({}, VerdictWord.MITIGATES),
}
