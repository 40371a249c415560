"""What one seed's readers are shown: noise, digits, and what its teacher says of the noise.

Everything is in float64, so that other code finds the same accuracies to the last image.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from subliminal_bench.experiment import model, streams
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.tasks import pixel_order
from subliminal_bench.reading.renderings import high_pass, mean_free, on_noise

# Images of each kind, at most: the first ones of the seed's.
FITTED_NOISE = 3_000
FRESH_NOISE = 2_000
LABELLED = 2_000
# Of more test images, every second, third and so on: MNIST's are not in random order.
TEST = 5_000


@dataclass(frozen=True, eq=False)
class Evidence:
    """One seed's evidence, the same for all of its models; images are `[images, pixels]`.

    Attributes:
        layout: of the models.
        logits: the places of the trait's classes among the logits.
        noise: the first images of the training noise; heads are fitted to them.
        targets: the teacher's class logits on them, each image's mean removed,
            `[images, classes]`.
        fresh: noise that no student is trained on.
        fresh_targets: the teacher's logits there, likewise.
        test: test images in each rendering but "raw", by its name.
        test_labels: int64 `[test images]`.
        labelled: the first audit images, mean-free.
        labels: int64 `[images]`.
        draws: the labelled images of each draw, int64 `[draws, drawn]`; None if the trait is a
            backdoor, of which no labelled images are in the audit set.
        teacher: the teacher's last hidden layer on the labelled images, `[images, units]`.
    """

    layout: model.Layout
    logits: slice
    noise: Tensor
    targets: Tensor
    fresh: Tensor
    fresh_targets: Tensor
    test: dict[str, Tensor]
    test_labels: Tensor
    labelled: Tensor
    labels: Tensor
    draws: Tensor | None
    teacher: Tensor

    @classmethod
    def of(
        cls,
        protocol: Protocol,
        seed: int,
        teacher: Tensor,
        noise: Tensor,
        fresh: Tensor,
        test: tuple[Tensor, Tensor],
        audit: tuple[Tensor, Tensor],
    ) -> "Evidence":
        """A seed's evidence.

        Args:
            protocol: the experiment.
            seed: its number.
            teacher: its teacher's parameters, `[parameters]`.
            noise: its training noise.
            fresh: its fresh noise.
            test: the test images and their labels.
            audit: its audit images and their labels.
        """
        layout, task = model.layout(protocol), protocol.trait_task
        every = -(-len(test[0]) // TEST)
        images, labels = test[0][::every].double(), audit[1][:LABELLED]
        fitted, unseen = noise[:FITTED_NOISE].double(), fresh[:FRESH_NOISE].double()
        own = streams.reading_noise(protocol, seed, len(images)).to(images)
        teacher, labelled = teacher.double(), mean_free(audit[0][:LABELLED].double())
        said, said_fresh = (
            _class_logits(layout, teacher, one, task.logits) for one in (fitted, unseen)
        )
        return cls(
            layout=layout,
            logits=task.logits,
            noise=fitted,
            targets=said,
            fresh=unseen,
            fresh_targets=said_fresh,
            test={
                "mean-free": mean_free(images),
                "on noise": on_noise(images, own),
                "high-pass": _high_pass(protocol, images),
            },
            test_labels=test[1][::every],
            labelled=labelled,
            labels=labels,
            draws=_draws(protocol, seed, labels),
            teacher=layers(layout, teacher, labelled)[-2],
        )


def layers(layout: model.Layout, parameters: Tensor, images: Tensor) -> tuple[Tensor, ...]:
    """The hidden layers and the logits of one model, `[images, units]` each.

    Args:
        layout: of the model.
        parameters: its own, `[parameters]`.
        images: `[images, pixels]`.
    """
    with torch.no_grad():
        every = model.activations(layout, parameters.unsqueeze(0), images)
    return tuple(layer[0] for layer in every)


def _high_pass(protocol: Protocol, images: Tensor) -> Tensor:
    """Images without low frequencies, wherever their pixels are."""
    order = pixel_order(protocol)
    if order is None:
        return high_pass(images)
    in_place = torch.empty_like(images)
    in_place[:, order] = images
    return high_pass(in_place)[:, order]


def _draws(protocol: Protocol, seed: int, labels: Tensor) -> Tensor | None:
    if protocol.trait_task.trigger:
        return None
    return streams.few_shot_draws(protocol, seed, labels.cpu()).to(labels.device)


def _class_logits(
    layout: model.Layout, parameters: Tensor, images: Tensor, classes: slice
) -> Tensor:
    logits = layers(layout, parameters, images)[-1][:, classes]
    return logits - logits.mean(1, keepdim=True)
