"""Steps of teacher and student against the sequential loop.

The loop is the tests' oracle: `nn.Module`, DataLoaders and autograd, including the audit
gradient over all 10,000 audit images at every step.
"""

import pytest

from benchmarks.canonical import CPU, PROTOCOL, SEED, Oracle, steps_of
from benchmarks.conftest import Compare
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.teacher import train_teachers


@pytest.mark.parametrize("entry", REFERENCES)
def test_a_students_step(compare: Compare, oracle: Oracle, cohort: Cohort, entry: str) -> None:
    compare(
        f"student's step, {entry}",
        reference=lambda: oracle.steps(entry),
        ours=steps_of(cohort, load_mitigation(entry)),
        rounds=4,
        steps=PROTOCOL.student_steps,
    )


def test_a_teachers_step(compare: Compare, oracle: Oracle, digits: Digits) -> None:
    compare(
        "teacher's step",
        reference=oracle.train_teacher,
        ours=lambda: train_teachers(PROTOCOL, (SEED,), digits, CPU),
        rounds=6,
        steps=PROTOCOL.teacher_steps,
    )
