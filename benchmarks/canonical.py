"""The canonical experiment at its real sizes with only a few steps, for both sides.

Batch size, model, and numbers of audit and test images are the same as in `mnist`. The images
are the 5,000 embedded digits repeated, so nothing is downloaded; no time depends on content.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from unittest import mock

import torch
from torch import Tensor

from sequential import experiment
from sequential.experiment import SequentialReference
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import train_students

CPU = torch.device("cpu")
SEED = 1

# One epoch of ten steps for the teacher, five epochs of one step for the student.
PROTOCOL = replace(
    MNIST,
    name="few-steps",
    about="for benchmarks",
    teacher_images=10 * MNIST.batch,
    teacher_epochs=1,
    noise_images=MNIST.batch,
    fresh_noise_images=MNIST.batch,
)


def digits() -> Digits:
    """The embedded digits, repeated to the protocol's number."""
    embedded = load_digits(MNIST_5K)

    def repeated(values: Tensor, count: int) -> Tensor:
        return values[torch.arange(count) % len(values)]

    drawn, test = PROTOCOL.teacher_images + PROTOCOL.audit_images, PROTOCOL.test_images
    return Digits(
        repeated(embedded.images, drawn),
        repeated(embedded.labels, drawn),
        repeated(embedded.images, test),
        repeated(embedded.labels, test),
    )


class Oracle(SequentialReference):
    """The tests' oracle without what a run of 295 steps does once: five would pay it all."""

    def steps(self, entry: str) -> None:
        """The student's steps; audit and test images are collated once, before."""
        with mock.patch.object(experiment, "_everything", _collated):
            self.student(entry, PROTOCOL.student_steps)

    def train_teacher(self) -> None:
        """The teacher's steps."""
        self._trained_teacher()

    def _audit_batches(self) -> Iterator[tuple[Tensor, ...]]:
        """Projection's mini-batches; the three epochs before the first are not read."""
        loader = self.loader(self.audit_set, 200)
        while True:
            yield from loader


_collated = cache(experiment._everything)


def steps_of(cohort: Cohort, mitigation: Mitigation) -> Callable[[], None]:
    """Our side of `Oracle.steps`: the same steps, up to the last, without the final measures.

    Both measure the accuracy on the test images once, and the logits of teacher and base model
    on the noise are made anew each time.
    """

    def run() -> None:
        for made in ("teacher_logits", "auxiliary_logits", "base_logits"):
            cohort.__dict__.pop(made, None)
        done = 0

        def advance(steps: int) -> None:
            nonlocal done
            done += steps
            if done == cohort.protocol.student_steps:
                raise _LastStep

        try:
            train_students(cohort, mitigation, advance)
        except _LastStep:
            return
        raise AssertionError("training ended before its last step")

    return run


class _LastStep(Exception):  # noqa: N818
    """Nothing went wrong."""
