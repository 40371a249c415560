"""Checks of a mitigation on an experiment of a fraction of a second.

They show whether it keeps the rules, and nothing about subliminal learning.
"""

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from subliminal_bench import data
from subliminal_bench.cohort import Cohort
from subliminal_bench.data import Digits
from subliminal_bench.measures import Outcome
from subliminal_bench.mitigations import Mitigation
from subliminal_bench.protocol import MNIST_5K
from subliminal_bench.student import train_students
from subliminal_bench.training import train_teachers

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


def changed_by_a_rerun(mitigation: Mitigation) -> list[str]:
    """Curves of seed 1 that differ between two runs; none, if it is deterministic.

    >>> from subliminal_bench import mitigations
    >>> changed_by_a_rerun(mitigations.load("baseline"))
    []
    """
    cohort = _cohort(1)
    first, second = (train_students(cohort, mitigation)[0] for _ in range(2))
    return _differing(first, second)


def touched_by_a_neighbour(mitigation: Mitigation) -> list[str]:
    """Curves of seed 1 that change when the student beside it is another; none, if independent.

    >>> from subliminal_bench import mitigations
    >>> touched_by_a_neighbour(mitigations.load("liminal"))
    []
    """
    beside_2, beside_3 = (train_students(_cohort(1, seed), mitigation)[0] for seed in (2, 3))
    return _differing(beside_2, beside_3)


@cache
def _digits() -> Digits:
    """Read once: that takes longer than a check."""
    return data.load(SMALL)


def _cohort(*seeds: int) -> Cohort:
    digits = _digits()
    return Cohort(SMALL, seeds, _CPU, digits, train_teachers(SMALL, seeds, digits, _CPU))


def _differing(first: Outcome, second: Outcome) -> list[str]:
    return [
        name for name, curve in first.curves.items() if not _same(curve, second.curves[name])
    ]


def _same(first: Tensor, second: Tensor) -> bool:
    """Bit for bit, two nans being the same."""
    return torch.equal(first.nan_to_num(nan=-1.0), second.nan_to_num(nan=-1.0))
