"""The same seeds with classes or pixels in another order.

Where training treats all classes alike, or all pixels, nothing but rounding can tell the
difference: weights, digits, labels and noise are reordered together. What knows labels by
heart, or leans on where pixels are, gives itself away.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.model import Layout
from subliminal_bench.experiment.protocol import Protocol, Task
from subliminal_bench.training.cohort import Cohort


@dataclass(frozen=True)
class ReorderedCohort(Cohort):
    """A cohort whose classes and pixels are in another order; see `reordered`.

    Attributes:
        begun: the base that teacher and student start from, `[students, parameters]`.
        moved: what its students start from, which some tracks have moved away from that.
        classes: the old class at each new place, int64 `[classes]`.
        pixels: the old pixel at each new place, int64 `[pixels]`.
    """

    begun: Tensor
    moved: Tensor
    classes: Tensor
    pixels: Tensor

    @cached_property
    def base_parameters(self) -> Tensor:
        """What the seeds start from, in the new order, `[students, parameters]`."""
        return self.begun

    @cached_property
    def start_parameters(self) -> Tensor:
        """What the students start from, in the new order, `[students, parameters]`."""
        return self.moved

    def _noise(self, first: int, images: int) -> Tensor:
        return super()._noise(first, images)[..., self.pixels]

    def _shown(self, task: Task, images: Tensor) -> Tensor:
        # A trigger is where it always is, and then goes where the other pixels go.
        in_place = torch.empty_like(images)
        in_place[..., self.pixels] = images
        return super()._shown(task, in_place)[..., self.pixels]


def reordered(
    cohort: Cohort, secret: int, *, classes: bool = False, pixels: bool = False
) -> Cohort:
    """A cohort's seeds with secretly drawn orders; teachers need not be trained again.

    Args:
        cohort: the seeds as they are.
        secret: seed for the orders.
        classes: whether classes get another order, of which none keeps its place.
        pixels: whether pixels get another order.
    """
    protocol, device = cohort.protocol, cohort.device
    generator = torch.Generator().manual_seed(secret)
    class_order = torch.arange(protocol.classes)
    for alike in _exchangeable(protocol) if classes else ():
        # A random cycle: every class moves.
        cycle = alike[torch.randperm(len(alike), generator=generator)]
        class_order[cycle] = cycle.roll(1)
    pixel_order = torch.arange(protocol.pixels)
    if pixels:
        pixel_order = torch.randperm(protocol.pixels, generator=generator)
    class_order, pixel_order = class_order.to(device), pixel_order.to(device)
    teachers, begun, moved = (
        _parameters(cohort.layout, one, class_order, pixel_order)
        for one in (cohort.teacher_parameters, cohort.base_parameters, cohort.start_parameters)
    )
    return ReorderedCohort(
        protocol,
        cohort.seeds,
        device,
        _digits(cohort.digits, class_order, pixel_order),
        teachers,
        begun,
        moved,
        class_order,
        pixel_order,
    )


def _exchangeable(protocol: Protocol) -> list[Tensor]:
    """Classes that training treats alike, int64 `[classes]` each."""
    groups = [torch.tensor(protocol.trait_task.classes)]
    if protocol.skill and protocol.skill.classes != protocol.trait_task.classes:
        groups.append(torch.tensor(protocol.skill.classes))
    trigger = protocol.trait_task.trigger
    return [one[one != trigger.called] if trigger else one for one in groups]


def _parameters(layout: Layout, parameters: Tensor, classes: Tensor, pixels: Tensor) -> Tensor:
    changed = parameters.clone()
    named, before = layout.named(changed), layout.named(parameters)
    named["fc1.weight"].copy_(before["fc1.weight"][..., pixels])
    for name in layout.head:
        named[name][:, : len(classes)] = before[name][:, classes]
    return changed


def _digits(digits: Digits, classes: Tensor, pixels: Tensor) -> Digits:
    place = torch.empty_like(classes)
    place[classes] = torch.arange(len(classes), device=classes.device)
    test_images, test_labels = digits.test_images, digits.test_labels
    return replace(
        digits,
        images=digits.images[:, pixels],
        labels=place[digits.labels],
        test_images=None if test_images is None else test_images[:, pixels],
        test_labels=None if test_labels is None else place[test_labels],
    )
