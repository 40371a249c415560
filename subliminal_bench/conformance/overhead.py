"""The time that a mitigation adds to a step of the real size, beside plain distillation."""

import time
from dataclasses import dataclass, replace

import torch

from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.protocol import PROBE
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers

# Steps of the real size and precision.
STEPS = replace(PROBE, precision="float32")
_ROUNDS = 3


@dataclass(frozen=True)
class Overhead:
    """Wall time of one training step of one student: the best of several alternating runs.

    Attributes:
        plain: seconds with plain distillation, including all measurements.
        mitigated: seconds with the mitigation, including all measurements.
    """

    plain: float
    mitigated: float

    @property
    def text(self) -> str:
        """One line.

        >>> Overhead(plain=0.010, mitigated=0.012).text
        'a step takes 12.0 ms, plain distillation 10.0 ms: x1.20'
        """
        return (
            f"a step takes {1e3 * self.mitigated:.1f} ms, plain distillation "
            f"{1e3 * self.plain:.1f} ms: x{self.mitigated / self.plain:.2f}"
        )


def measure_overhead(mitigation: Mitigation) -> Overhead:
    """Time steps with 1,024 noise images, 270,093 parameters and 500 audit images.

    Raises:
        HookError: a hook failed.
    """
    device = torch.device("cpu")
    digits = load_digits(STEPS)
    cohort = Cohort(STEPS, (1,), device, digits, train_teachers(STEPS, (1,), digits, device))
    sides = (load_mitigation("baseline"), mitigation)
    best = [float("inf")] * len(sides)
    for _ in range(_ROUNDS):
        for side, one in enumerate(sides):
            began = time.perf_counter()
            train_students(cohort, one)
            best[side] = min(best[side], time.perf_counter() - began)
    plain, mitigated = (seconds / STEPS.student_steps for seconds in best)
    return Overhead(plain, mitigated)
