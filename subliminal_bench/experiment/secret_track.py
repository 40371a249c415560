"""A track that nobody knows before it is drawn: one number of an experiment, changed.

Whoever tunes to the published tracks cannot have tuned to this one.
"""

from collections.abc import Callable
from dataclasses import replace

import torch

from subliminal_bench.experiment.protocol import Protocol

# What is drawn, evenly; both ends are drawn too.
HIDDEN = (96, 384)
AUXILIARY = (4, 24)
BATCH = (512, 2048)

Draw = Callable[[int, int], int]


def secret_track(protocol: Protocol, secret: int) -> Protocol:
    """Draw a track: one of width, auxiliary logits, noise and batch is changed.

    Alignment is measured at the first step only, because nobody looks at it there.

    Args:
        protocol: that is changed.
        secret: seed of the draw, which stays unknown until the source is fixed.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> secret_track(MNIST, 1) == secret_track(MNIST, 1), secret_track(MNIST, 1) == MNIST
    (True, False)
    """
    generator = torch.Generator().manual_seed(secret)

    def drawn(lowest: int, highest: int) -> int:
        return int(torch.randint(lowest, highest + 1, (), generator=generator))

    changed = _KNOBS[drawn(0, len(_KNOBS) - 1)](protocol, drawn)
    return replace(changed, name="secret", measure_every=changed.student_steps)


def _other_width(protocol: Protocol, drawn: Draw) -> Protocol:
    units = drawn(*HIDDEN)
    return replace(protocol, hidden=units, about=f"hidden layers of {units} units")


def _other_auxiliary(protocol: Protocol, drawn: Draw) -> Protocol:
    number = drawn(*AUXILIARY)
    return replace(protocol, auxiliary=number, about=f"{number} auxiliary logits")


def _other_noise(protocol: Protocol, drawn: Draw) -> Protocol:
    if drawn(0, 1):
        return replace(protocol, noise="blurred", about="blurred noise")
    return replace(protocol, noise="gaussian", about="Gaussian noise")


def _other_batch(protocol: Protocol, drawn: Draw) -> Protocol:
    images = drawn(*BATCH)
    return replace(protocol, batch=images, about=f"batches of {images} images")


_KNOBS = (_other_width, _other_auxiliary, _other_noise, _other_batch)
