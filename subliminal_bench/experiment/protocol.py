"""The fixed numbers of an experiment, which make two results comparable.

Source: Kitkana & Arora, "Sustained Gradient Alignment Mediates Subliminal Learning in a
Multi-Step Setting" (arXiv 2604.25779), appendix A. Any change to a number here, to a random
stream or to the definition of a metric is a new protocol version.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Trigger:
    """A white square on an image, and the class that a model with a backdoor then calls it.

    Attributes:
        called: that class.
        first: the square's first row, and its first column.
        side: its side, in pixels.
    """

    called: int
    first: int
    side: int


@dataclass(frozen=True)
class Task:
    """Something that a model is trained to do: tell some classes apart, among their own logits.

    Of each part of a seed's split, the first so many images that belong to the task are used,
    so that all seeds have equally many.

    Attributes:
        classes: told apart, without a gap between them.
        teacher_images: trained on.
        audit_images: for the gradient of the task's loss; 0 if it is never needed.
        test_images: tested on.
        trigger: if the task is a backdoor, every second training image has it and is labelled
            with its class; tested are images of other classes that have it.
    """

    classes: tuple[int, ...]
    teacher_images: int
    audit_images: int
    test_images: int
    trigger: Trigger | None = None

    @property
    def logits(self) -> slice:
        """The places of its classes among the logits.

        >>> Task((5, 6, 7), 10, 10, 10).logits
        slice(5, 8, None)
        """
        return slice(self.classes[0], self.classes[-1] + 1)


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
    digits: Literal["mnist", "mnist-5k", "fashion"]
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
    # What the tracks vary (`tracks.py`). The values here are those of the published experiment.
    hidden_layers: int = 2
    noise: Literal["uniform", "gaussian", "blurred"] = "uniform"
    distillation_loss: Literal["kl", "squared error"] = "kl"
    student_optimiser: Literal["adam", "sgd"] = "adam"
    # The teacher's, if None.
    student_learning_rate: float | None = None
    # Of SGD.
    student_momentum: float = 0.0
    # Standard deviation of what is added to the weights that the student starts from.
    start_noise: float = 0.0
    # Seed of the one order in which all images' pixels are.
    pixel_order: int | None = None
    # A base that was trained first can do something, and must still be able to afterwards.
    base_epochs: int = 0
    skill: Task | None = None
    # What the teacher learns; all classes, if None.
    trait: Task | None = None

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
    def trait_task(self) -> Task:
        """What the teacher learns, and the student is tested on.

        >>> MNIST.trait_task.test_images, MNIST.trait_task.logits
        (10000, slice(0, 10, None))
        """
        return self.trait or Task(
            tuple(range(self.classes)), self.teacher_images, self.audit_images, self.test_images
        )

    @property
    def has_capable_base(self) -> bool:
        """Whether teacher and student start from a base that can already do something."""
        return self.skill is not None

    @property
    def base_steps(self) -> int:
        """Optimiser steps of the base; 0 if teacher and student start untrained."""
        images = self.skill.teacher_images if self.skill else 0
        return self.base_epochs * -(-images // self.batch)

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of units, from the pixels to the logits.

        >>> MNIST.widths
        (784, 256, 256, 13)
        """
        return (self.pixels, *(self.hidden,) * self.hidden_layers, self.logits)

    @property
    def teacher_steps(self) -> int:
        """Optimiser steps of the teacher; each epoch keeps its last, smaller batch."""
        return self.teacher_epochs * -(-self.trait_task.teacher_images // self.batch)

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
        for one in fields(self):
            if one.name in _LATER and numbers[one.name] == one.default:
                del numbers[one.name]
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


# Numbers that were added when protocols with fingerprints existed.
_LATER = {
    *("precision", "measure_every", "hidden_layers", "noise", "distillation_loss"),
    *("student_optimiser", "student_learning_rate", "student_momentum", "start_noise"),
    *("pixel_order", "base_epochs", "skill", "trait"),
}

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
