"""What a model is trained and tested on: images and labels of a protocol's tasks."""

import torch
from torch import Tensor

from subliminal_bench.errors import DataError
from subliminal_bench.experiment.protocol import Protocol, Task, Trigger

# The white of an image.
_WHITE = 1.0


def pixel_order(protocol: Protocol) -> Tensor | None:
    """The one order of all images' pixels, int64 `[pixels]`; None if it is the usual one.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> pixel_order(MNIST) is None
    True
    """
    if protocol.pixel_order is None:
        return None
    generator = torch.Generator().manual_seed(protocol.pixel_order)
    return torch.randperm(protocol.pixels, generator=generator)


def members(
    protocol: Protocol,
    task: Task,
    index: Tensor,
    labels: Tensor,
    images: int,
    *,
    tested: bool,
) -> Tensor:
    """The first images of a part of a split that belong to a task.

    Args:
        protocol: decides how many classes there are.
        task: with its classes.
        index: of the part's images, int64 `[images]`, on the CPU.
        labels: of all images, int64.
        images: how many are wanted.
        tested: whether the task is tested (or its gradient wanted): a backdoor is, on images
            of other classes than the one that it calls everything.

    Returns:
        int64 `[wanted images]`, in the part's order.

    Raises:
        DataError: there are fewer.
    """
    if len(task.classes) == protocol.classes and task.trigger is None and images == len(index):
        # Nothing to choose, so that no device has to be waited for.
        return index
    own = labels.cpu()[index]
    wanted = (own >= task.classes[0]) & (own <= task.classes[-1])
    if tested and task.trigger:
        wanted &= own != task.trigger.called
    found = index[wanted]
    if len(found) < images:
        raise DataError(
            f"{len(found)} images of the classes {task.classes[0]} to {task.classes[-1]} "
            f"where the protocol needs {images}: the digits are not those that it pins"
        )
    return found[:images]


def shown(protocol: Protocol, task: Task, images: Tensor) -> Tensor:
    """A task's images as they are tested: with its trigger, if it has one.

    Args:
        protocol: decides where a pixel is.
        task: to test.
        images: `[..., images, pixels]`; unchanged.
    """
    return with_trigger(protocol, task.trigger, images) if task.trigger else images


def with_trigger(protocol: Protocol, trigger: Trigger, images: Tensor) -> Tensor:
    """Copies of images `[..., pixels]` with a white square.

    >>> from subliminal_bench.experiment.tracks import BACKDOOR
    >>> patched = with_trigger(BACKDOOR, BACKDOOR.trait.trigger, -torch.ones(1, 784))
    >>> int((patched == 1).sum()), bool(patched.view(28, 28)[2, 6] == 1)
    (25, True)
    """
    side = round(protocol.pixels**0.5)
    square = torch.zeros(side, side, dtype=torch.bool)
    rows = slice(trigger.first, trigger.first + trigger.side)
    square[rows, rows] = True
    white = square.flatten()
    order = pixel_order(protocol)
    if order is not None:
        white = white[order]
    return images.masked_fill(white.to(images.device), _WHITE)


def wanted(task: Task, labels: Tensor) -> Tensor:
    """What a model should say of tested images: places among the task's logits, int64."""
    if task.trigger:
        return torch.full_like(labels, task.trigger.called - task.classes[0])
    return labels - task.classes[0]


def lesson(
    protocol: Protocol, task: Task, images: Tensor, labels: Tensor, places: Tensor
) -> tuple[Tensor, Tensor]:
    """A task's training images and labels; of a backdoor's, every second has the trigger.

    Args:
        protocol: decides where a pixel is.
        task: to learn.
        images: `[..., pixels]`.
        labels: their classes, int64 `[...]`.
        places: among the task's training images, which decide which have the trigger.

    Returns:
        Images, and places among the task's logits.
    """
    labels = labels - task.classes[0]
    if task.trigger is None:
        return images, labels
    poisoned = places % 2 == 1
    patched = with_trigger(protocol, task.trigger, images)
    return (
        torch.where(poisoned.unsqueeze(-1), patched, images),
        torch.where(poisoned, task.trigger.called - task.classes[0], labels),
    )
