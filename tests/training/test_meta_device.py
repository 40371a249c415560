"""The whole engine runs on another device than the CPU, and seldom waits for it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from subliminal_bench.errors import HookError
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers
from tests.conftest import TINY
from tests.support.meta_device import META, Waits, read_as_stand_ins
from tests.support.plugins_for_tests import mitigation

SEEDS = (1, 2)
# The reads at the end of a run: every metric once, every curve once.
AT_THE_END = 20
# What every call of a hook may read: whether it changed what it was shown, and whether what it
# returned is finite. A loss is also differentiated.
PER_HOOK = 2
PER_LOSS = 3


@pytest.fixture(scope="module")
def cohort(embedded_digits: Digits) -> Cohort:
    digits = embedded_digits.to(META)
    return Cohort(TINY, SEEDS, META, digits, train_teachers(TINY, SEEDS, digits, META))


def trained(cohort: Cohort, name: str) -> Waits:
    with read_as_stand_ins() as waits:
        outcomes = train_students(cohort, load_mitigation(name))
    assert [one.seed for one in outcomes] == list(SEEDS)
    return waits


def test_teachers_are_trained_without_waiting(embedded_digits: Digits) -> None:
    with read_as_stand_ins() as waits:
        teachers = train_teachers(TINY, SEEDS, embedded_digits.to(META), META)
    assert teachers.is_meta
    assert waits.total == 0


@pytest.mark.parametrize("name", built_in_names())
def test_every_built_in_mitigation_trains_and_is_measured(name: str, cohort: Cohort) -> None:
    waits = trained(cohort, name)
    (plugin,) = load_mitigation(name).plugins
    every_step = {"distill_gradient", "parameter_update", "teacher_targets"}
    allowed = sum(
        PER_LOSS if hook == "distill_loss" else PER_HOOK if hook in every_step else 0
        for hook in plugin.hooks
    )
    once = 2 * PER_HOOK
    assert waits.total <= allowed * TINY.student_steps + once + AT_THE_END, waits.counts


def test_plain_distillation_never_waits_before_its_end(cohort: Cohort) -> None:
    assert trained(cohort, "baseline").total <= AT_THE_END


@pytest.mark.parametrize(
    "hook",
    [
        lambda gradient: gradient.cpu(),
        lambda gradient: gradient + torch.ones(gradient.shape),
        lambda gradient, step: (
            gradient + torch.randn(gradient.shape, generator=step.generators[0])
        ),
    ],
    ids=["moved to the CPU", "a CPU tensor", "a CPU generator"],
)
def test_a_hook_that_mixes_devices_fails(hook: Callable[..., Any], cohort: Cohort) -> None:
    with read_as_stand_ins(), pytest.raises(HookError):
        train_students(cohort, mitigation(distill_gradient=hook))
