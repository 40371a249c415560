"""The fixed numbers of an experiment, which make two results comparable.

Source: Kitkana & Arora, "Sustained Gradient Alignment Mediates Subliminal Learning in a
Multi-Step Setting" (arXiv 2604.25779), appendix A. Any change to a number here, to a random
stream or to the definition of a metric is a new protocol version.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from subliminal_bench.errors import ProtocolError
from subliminal_bench.printable import brief

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Protocol:
    """One frozen experiment: data, model, training and random streams.

    Sizes are numbers of images, lengths are numbers of epochs. `digests` pins the digits by the
    SHA-256 of every file (or array) that they are read from.

    >>> MNIST.teacher_steps, MNIST.student_steps
    (245, 295)
    >>> MNIST.label
    'mnist-v1'
    """

    name: str
    version: int
    about: str
    digits: Literal["mnist", "mnist-5k"]
    digests: tuple[tuple[str, str], ...] = field(repr=False)
    teacher_images: int
    audit_images: int
    test_images: int
    teacher_epochs: int
    # The student's side is the same in both published protocols.
    noise_images: int = 60_000
    fresh_noise_images: int = 10_000
    student_epochs: int = 5
    hidden: int = 256
    pixels: int = 784
    classes: int = 10
    auxiliary: int = 3
    batch: int = 1024
    learning_rate: float = 3e-4
    # Seeds of the streams, relative to the run's seed (appendix A and the published runs).
    teacher_order_offset: int = 100
    audit_order_offset: int = 200
    noise_offset: int = 400
    noise_order_offset: int = 500
    noise_stride: int = 1_000_000
    # In the published runs the control student consumed three epochs of the audit stream before
    # projection read its first mini-batch.
    audit_epochs_skipped: int = 3
    test_every: int = 10
    # Alignment is measured at every step, or at every tenth and so on: most of a run's time.
    measure_every: int = 1
    # For parameters, images and everything computed from them; random draws are always float32.
    precision: Literal["float32", "float64"] = "float32"

    @property
    def dtype(self) -> "torch.dtype":
        """The precision as a torch dtype."""
        # Imported here: the command line lists protocols before it needs torch.
        import torch

        return {"float32": torch.float32, "float64": torch.float64}[self.precision]

    @property
    def logits(self) -> int:
        """The number of logits: the classes come first, then the auxiliary logits."""
        return self.classes + self.auxiliary

    @property
    def teacher_steps(self) -> int:
        """Optimiser steps of the teacher; each epoch keeps its last, smaller batch."""
        return self.teacher_epochs * -(-self.teacher_images // self.batch)

    @property
    def student_steps(self) -> int:
        """Optimiser steps of the student."""
        return self.student_epochs * self.student_steps_per_epoch

    @property
    def student_steps_per_epoch(self) -> int:
        """Batches in one pass over the noise images."""
        return -(-self.noise_images // self.batch)

    @property
    def highest_seed(self) -> int:
        """The highest seed; above it the noise streams of two seeds would coincide.

        They would because a generator uses only the lower 32 bits of its seed.
        """
        last = self.noise_images + self.fresh_noise_images - 1
        return (2**32 - 1 - last) // self.noise_stride - self.noise_offset

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every number above, in hexadecimal."""
        numbers = asdict(self)
        del numbers["about"]
        # Only if they differ from what they were before they existed: fingerprints stay valid.
        for name, before in (("precision", "float32"), ("measure_every", 1)):
            if numbers[name] == before:
                del numbers[name]
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name}-v{self.version}"

    @property
    def is_canonical(self) -> bool:
        """Whether this is the protocol of the leaderboard.

        >>> MNIST.is_canonical, MNIST_5K.is_canonical
        (True, False)
        """
        return self == CANONICAL


MNIST = Protocol(
    name="mnist",
    version=1,
    about="canonical: the paper's experiment on the 70,000 digits of MNIST",
    digits="mnist",
    digests=(
        (
            "train-images-idx3-ubyte",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        (
            "train-labels-idx1-ubyte",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        (
            "t10k-images-idx3-ubyte",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        (
            "t10k-labels-idx1-ubyte",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    teacher_images=50_000,
    audit_images=10_000,
    test_images=10_000,
    teacher_epochs=5,
)

MNIST_5K = Protocol(
    name="mnist-5k",
    version=1,
    about="embedded: 5,000 digits that install with the package, for first runs and tests",
    digits="mnist-5k",
    digests=(
        ("images", "2913c6b6527114b7307e1086335a7665e3f94c74aba3d67525e6f116bf5ae20f"),
        ("labels", "41b7b0a9d94690a3a2f54a1d01a9f1cc1b9512e3954fb737ad5ed9f66972403d"),
    ),
    teacher_images=3_500,
    audit_images=500,
    test_images=1_000,
    teacher_epochs=60,
)

# For checks and regression tests. It has few steps in float64, so rounding errors stay small:
# Adam's first update is a sign, which float32 would flip for some weights. Its steps are long
# enough to leave the flat part of the softmaxes; with shorter steps, a temperature of 1.9
# instead of 2 would go unnoticed.
PROBE = replace(
    MNIST_5K,
    name="probe",
    version=2,
    precision="float64",
    about="a few steps, for checks and regression tests; shows no subliminal learning",
    learning_rate=30 * MNIST_5K.learning_rate,
    teacher_epochs=2,
    noise_images=2_500,
    fresh_noise_images=1_000,
)

# The leaderboard's protocol.
CANONICAL = MNIST

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol for protocol in (MNIST, MNIST_5K, PROBE)
}


# A protocol that is measured less often has its number in its name.
_COARSE = re.compile(r"(?P<name>.+)-every-(?P<steps>[1-9][0-9]{0,3})")


def measured_every(protocol: Protocol, steps: int) -> Protocol:
    """The same experiment, with alignment measured only at every so many steps.

    Students are trained to the same bits in less time. What is averaged over training is
    averaged over fewer steps, so such results never mix with others.

    Args:
        protocol: one that is measured at every step.
        steps: from one measurement to the next; 1 gives the protocol itself.

    Raises:
        ProtocolError: the number is not one of its steps.

    >>> coarse = measured_every(MNIST_5K, 10)
    >>> coarse.name, coarse == protocol_named("mnist-5k-every-10")
    ('mnist-5k-every-10', True)
    """
    if isinstance(steps, bool) or not isinstance(steps, int):
        raise ProtocolError(f"measuring every {brief(steps)} steps: give a whole number")
    if not 1 <= steps <= protocol.student_steps:
        raise ProtocolError(
            f"measuring every {steps} steps: {protocol.name} has {protocol.student_steps}, so "
            f"give 1 to {protocol.student_steps}"
        )
    if steps == 1:
        return protocol
    if protocol.measure_every > 1:
        raise ProtocolError(
            f"{protocol.name} is already measured every {protocol.measure_every} steps"
        )
    return replace(
        protocol,
        name=f"{protocol.name}-every-{steps}",
        about=f"{protocol.name}, with alignment measured at every {steps}. step",
        measure_every=steps,
    )


def protocol_named(name: str) -> Protocol:
    """The protocol of that name; NAME-every-N is the one of `measured_every`.

    >>> protocol_named("mnist").noise_images
    60000
    >>> protocol_named("mnits")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    subliminal_bench.errors.ProtocolError: unknown protocol 'mnits'; known: mnist, ...
    """
    coarse = _COARSE.fullmatch(name) if isinstance(name, str) else None
    if coarse and coarse["name"] in PROTOCOLS and int(coarse["steps"]) > 1:
        return measured_every(PROTOCOLS[coarse["name"]], int(coarse["steps"]))
    if not isinstance(name, str) or name not in PROTOCOLS:
        raise ProtocolError(f"unknown protocol {brief(name)}; known: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
