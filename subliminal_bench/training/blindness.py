"""Testing that a mitigation without labels is blind to what its access level does not show.

What it must not see is exchanged, and the students are compared bit by bit.
"""

import secrets
from dataclasses import replace

import torch
from torch import Tensor

from subliminal_bench.experiment import streams
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.tensors import same_bits
from subliminal_bench.mitigation.card import includes
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import final_parameters


def is_blind(cohort: Cohort, mitigation: Mitigation, secret: int | None = None) -> bool:
    """Whether a student is bit-identical after a change of everything it must not see.

    Args:
        cohort: a cohort of one seed.
        mitigation: a mitigation whose access level shows no labels.
        secret: seed for what is exchanged; by default a new one each time.

    Raises:
        HookError: a hook failed.
    """
    (seed,) = cohort.seeds
    drawn = secrets.randbelow(2**31) if secret is None else secret
    other = replace(cohort, digits=out_of_sight(cohort.protocol, seed, cohort.digits, drawn))
    if not includes(mitigation.access, "teacher-classes"):
        other = replace(other, teacher_parameters=other_classes(cohort, drawn))
    seeing, blindfolded = (final_parameters(one, mitigation) for one in (cohort, other))
    return same_bits(seeing, blindfolded)


def other_classes(cohort: Cohort, secret: int) -> Tensor:
    """The teachers' parameters, with random ones in place of those of the class logits.

    The auxiliary logits stay what they are, bit for bit.

    Args:
        cohort: has the teachers.
        secret: seed for the random parameters.
    """
    generator = torch.Generator().manual_seed(secret)
    parameters = cohort.teacher_parameters.clone()
    named = cohort.layout.named(parameters)
    for name in cohort.layout.head:
        part = named[name][:, : cohort.protocol.classes]
        part.copy_(torch.randn(part.shape, generator=generator))
    return parameters


def out_of_sight(protocol: Protocol, seed: int, shown: Digits, secret: int) -> Digits:
    """The digits, after changing all that a mitigation must not see unless it is an oracle.

    The teacher's images and labels are unchanged. Audit and test images become noise, and
    their labels are redrawn.

    Args:
        protocol: decides the split.
        seed: of the split.
        shown: the digits.
        secret: seed for the changes.
    """
    generator = torch.Generator().manual_seed(secret)
    teacher, _, _ = streams.split(protocol, seed)
    kept = torch.zeros(len(shown.images), dtype=torch.bool)
    kept[teacher] = True
    images, labels = _drawn(shown.images, shown.labels, generator)
    here = kept.to(shown.images.device)
    test: tuple[Tensor | None, Tensor | None] = None, None
    if shown.test_images is not None and shown.test_labels is not None:
        test = _drawn(shown.test_images, shown.test_labels, generator)
    return Digits(
        torch.where(here.unsqueeze(1), shown.images, images),
        torch.where(here, shown.labels, labels),
        *test,
    )


def _drawn(images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    noise = torch.rand(images.shape, generator=generator).mul_(2).sub_(1)
    other = torch.randint(0, 10, labels.shape, generator=generator)
    return noise.to(images.device), other.to(labels.device)


def renamed_digits(protocol: Protocol, shown: Digits, secret: int) -> Digits:
    """The digits with secretly permuted pixels and classes.

    The model's initialisation is exchangeable in pixels and classes, so results keep their
    distribution. Memorised labels and images become useless.

    Args:
        protocol: decides the number of classes.
        shown: the digits.
        secret: seed for the permutations.
    """
    generator = torch.Generator().manual_seed(secret)
    pixels = torch.randperm(shown.images.shape[1], generator=generator).to(shown.images.device)
    classes = torch.randperm(protocol.classes, generator=generator).to(shown.labels.device)
    return Digits(
        shown.images[:, pixels],
        classes[shown.labels],
        None if shown.test_images is None else shown.test_images[:, pixels],
        None if shown.test_labels is None else classes[shown.test_labels],
    )
