"""The small experiment behind the checks."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.experiment.tensors import same_bits
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers

# The embedded digits with little noise, few epochs and a narrow model.
SMALL = replace(
    MNIST_5K,
    name="small",
    about="for checks",
    noise_images=600,
    fresh_noise_images=200,
    student_epochs=3,
    teacher_epochs=2,
    hidden=24,
    batch=256,
)
_CPU = torch.device("cpu")


def students(mitigation: Mitigation, *seeds: int) -> list[Outcome]:
    """Train students of the small experiment side by side."""
    return train_students(cohort(*seeds), mitigation)


def cohort(*seeds: int) -> Cohort:
    """A cohort of the small experiment."""
    return Cohort(SMALL, seeds, _CPU, digits(), _teachers(seeds))


@cache
def digits() -> Digits:
    """The digits, read only once because that takes longer than a check."""
    return load_digits(SMALL)


@cache
def _teachers(seeds: tuple[int, ...]) -> Tensor:
    return train_teachers(SMALL, seeds, digits(), _CPU)


def differing(first: Outcome, second: Outcome, names: Sequence[str] | None = None) -> list[str]:
    """The curves (all, or the named ones) and parameters that are not bit-identical."""
    chosen = first.curves if names is None else names
    found = [name for name in chosen if not same_bits(first.curves[name], second.curves[name])]
    if not same_bits(first.parameters, second.parameters):
        found.append("final parameters")
    return found
