"""What a reader is shown of one seed, the same for every model that it reads."""

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from subliminal_bench.experiment import model, streams
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.reading.evidence import LABELLED, TEST
from subliminal_bench.reading.renderings import faint, high_pass, mean_free, on_noise
from subliminal_bench.reading.secret_rendering import SecretRendering

# Images of the training noise, at most: the first ones of the seed's.
SHOWN_NOISE = 6_000
# Seed of a reader's generator, and of the noise behind its audit images, relative to the run's.
READER_OFFSET = 900


@dataclass(frozen=True, eq=False)
class Shown:
    """One seed, as a reader sees it; images are float64 `[images, pixels]`.

    The test labels are not in it.

    Attributes:
        seed: the run's.
        layout: of the models.
        classes: the number of class logits.
        base: the untrained model's parameters, float64 `[parameters]`.
        teacher: the teacher's, likewise.
        noise: the first images of the training noise.
        audit_images: the first audit images, by rendering.
        audit_labels: int64 `[audit images]`.
        images: the test images, by rendering.
    """

    seed: int
    layout: model.Layout
    classes: int
    base: Tensor
    teacher: Tensor
    noise: Tensor
    audit_images: dict[str, Tensor]
    audit_labels: Tensor
    images: dict[str, Tensor]

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by a name."""
        return {
            "base": self.base,
            "teacher": self.teacher,
            "noise": self.noise,
            "audit_labels": self.audit_labels,
            **{f"audit images, {name}": one for name, one in self.audit_images.items()},
            **{f"images, {name}": one for name, one in self.images.items()},
        }

    def generator(self) -> torch.Generator:
        """A new generator for one call, always in the same state."""
        return torch.Generator().manual_seed(self.seed + READER_OFFSET)

    @classmethod
    def of(
        cls,
        protocol: Protocol,
        seed: int,
        models: tuple[Tensor, Tensor],
        noise: Tensor,
        test_images: Tensor,
        audit: tuple[Tensor, Tensor],
        renderings: Collection[str],
        secret: SecretRendering,
    ) -> "Shown":
        """One seed.

        Args:
            protocol: the experiment.
            seed: its number.
            models: the untrained model's and the teacher's parameters, `[parameters]` each.
            noise: its training noise.
            test_images: all of them; as many are shown as to the built-in readers.
            audit: its audit images and their labels.
            renderings: that the reader wants.
            secret: the one that was drawn.
        """
        images = test_images[:: every(len(test_images))].double()
        shown = audit[0][:LABELLED].double()
        behind = streams.reading_noise(protocol, seed, len(images)).to(images)
        generator = torch.Generator().manual_seed(seed + READER_OFFSET)
        drawn = torch.rand(shown.shape, generator=generator).mul_(2).sub_(1).to(shown)
        base, teacher = (one.double() for one in models)
        return cls(
            seed=seed,
            layout=model.layout(protocol),
            classes=protocol.classes,
            base=base,
            teacher=teacher,
            noise=noise[:SHOWN_NOISE].double(),
            audit_images={one: rendered(one, shown, drawn, secret) for one in renderings},
            audit_labels=audit[1][:LABELLED],
            images={one: rendered(one, images, behind, secret) for one in renderings},
        )


def every(test_images: int) -> int:
    """The step from one test image that readers are shown to the next."""
    return -(-test_images // TEST)


def rendered(name: str, images: Tensor, noise: Tensor, secret: SecretRendering) -> Tensor:
    """Images in one of the renderings of a card.

    Args:
        name: of the rendering.
        images: `[images, pixels]`.
        noise: of the same shape, uniform on [-1, 1).
        secret: the one that was drawn.
    """
    match name:
        case "raw":
            return images
        case "mean-free":
            return mean_free(images)
        case "on noise":
            return on_noise(images, noise)
        case "high-pass":
            return high_pass(images)
        case "faint":
            return faint(images)
        case "secret":
            return secret.of(images, noise)
    raise AssertionError(f"a card cannot have the rendering {name!r}")
