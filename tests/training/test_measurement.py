"""Measuring less often changes what is measured, and never what is trained."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.metrics import METRICS, STEP_CURVES
from subliminal_bench.experiment.tracks import measured_every
from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers
from tests.conftest import CPU, TINY
from tests.support.plugins_for_tests import mitigation

SEEDS = (1, 2)
EVERY = 4
ENTRIES = ("baseline", "projection", "projection_whole_audit", "liminal", "class_shield")


@pytest.fixture(scope="module")
def fine(embedded_digits: Digits) -> Cohort:
    teachers = train_teachers(TINY, SEEDS, embedded_digits, CPU)
    return Cohort(TINY, SEEDS, CPU, embedded_digits, teachers)


@pytest.fixture(scope="module")
def coarse(fine: Cohort) -> Cohort:
    return replace(fine, protocol=measured_every(TINY, EVERY))


def both(fine: Cohort, coarse: Cohort, entry: str) -> list[tuple[Outcome, Outcome]]:
    runs = [train_students(cohort, load_mitigation(entry)) for cohort in (fine, coarse)]
    return list(zip(*runs, strict=True))


@pytest.mark.parametrize("entry", ENTRIES)
def test_students_and_what_is_measured_at_the_end_are_the_same(
    entry: str, fine: Cohort, coarse: Cohort
) -> None:
    averaged = {"cosine", "inner", "positive"}
    for whole, few in both(fine, coarse, entry):
        assert torch.equal(whole.parameters, few.parameters)
        for name in METRICS:
            if name.split("_")[0] not in averaged:
                assert few.metrics[name] == whole.metrics[name], name


@pytest.mark.parametrize("entry", ENTRIES)
def test_alignment_is_that_of_the_measured_steps(
    entry: str, fine: Cohort, coarse: Cohort
) -> None:
    def close(left: Tensor, right: Tensor) -> bool:
        return torch.allclose(left, right, rtol=1e-6, atol=1e-9)

    for whole, few in both(fine, coarse, entry):
        for name in STEP_CURVES:
            every = 1 if name == "distill_loss" else EVERY
            assert close(few.curves[name][::every], whole.curves[name][::every]), name
            assert int(torch.isnan(few.curves[name]).sum()) == (
                0 if every == 1 else TINY.student_steps - len(few.curves[name][::EVERY])
            )
        for side in ("pre", "post"):
            inner = whole.curves[f"inner_{side}"][::EVERY].double()
            cosine = whole.curves[f"cosine_{side}"][::EVERY].double()
            assert few.metrics[f"cosine_mean_{side}"] == pytest.approx(cosine.mean().item())
            assert few.metrics[f"positive_fraction_{side}"] == pytest.approx(
                (inner > 0).double().mean().item()
            )


def test_a_student_that_diverges_between_two_measurements_is_noticed(coarse: Cohort) -> None:
    def far(update: Tensor, step: Step) -> Tensor:
        return update * 1e25 if step.index == EVERY else update

    for outcome in train_students(coarse, mitigation(parameter_update=far)):
        assert outcome.diverged_at == EVERY + 1
        assert outcome.metrics["trait_accuracy"] is None
