"""All readings of one model."""

import torch
from torch import Tensor

from subliminal_bench.experiment.readers import READERS
from subliminal_bench.reading.evidence import Evidence, layers
from subliminal_bench.reading.few_shot import few_shot_accuracy
from subliminal_bench.reading.noise_head import NoiseHead
from subliminal_bench.reading.similarity import linear_cka


@torch.no_grad()
def read(evidence: Evidence, parameters: Tensor) -> dict[str, Tensor]:
    """Read one model in every way.

    Args:
        evidence: of the model's seed.
        parameters: the model's, `[parameters]`, in any precision.

    Returns:
        By the names of `readers.READERS` an accuracy each, but for the one on raw digits and,
        where the trait is a backdoor, those of few-shot readers; and `noise_fit` and `cka` (see
        `metrics.METRICS`). Float64 numbers on the evidence's device.
    """
    own = parameters.double()
    shown = {name: _hidden(evidence, own, images) for name, images in evidence.test.items()}
    on_noise, fresh, labelled = (
        _hidden(evidence, own, images)
        for images in (evidence.noise, evidence.fresh, evidence.labelled)
    )
    heads = {layer: NoiseHead.fitted(on_noise[layer], evidence.targets) for layer in (1, 2)}
    found: dict[str, Tensor] = {}
    for name, reader in READERS.items():
        if reader.rendering not in shown:
            continue
        hidden = shown[reader.rendering]
        if reader.few_shot:
            if evidence.draws is not None:
                found[name] = few_shot_accuracy(
                    labelled[reader.layer],
                    evidence.labels,
                    evidence.draws,
                    hidden[reader.layer],
                    evidence.test_labels,
                    evidence.targets.shape[1],
                )
            continue
        if reader.expressed:
            scores = hidden[reader.layer][:, evidence.logits]
        else:
            scores = heads[reader.layer].logits(hidden[reader.layer])
        found[name] = (scores.argmax(1) == evidence.test_labels).double().mean()
    found["noise_fit"] = heads[2].explained(fresh[2], evidence.fresh_targets)
    found["cka"] = linear_cka(labelled[2], evidence.teacher)
    return found


def _hidden(evidence: Evidence, parameters: Tensor, images: Tensor) -> dict[int, Tensor]:
    """The first and the last hidden layer and the logits by layer, `[images, units]` each.

    Readers know two hidden layers: of more, the first and the last; of one, that one twice.
    """
    every = layers(evidence.layout, parameters, images)
    return {1: every[0], 2: every[-2], 3: every[-1]}
