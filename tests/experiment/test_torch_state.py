"""Training is in full float32, whatever its process allows, and leaves that setting alone."""

from collections.abc import Callable, Iterator

import pytest
import torch

from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.device import choose_device
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers
from tests.conftest import CPU, TINY


@pytest.fixture(params=["high", "medium"])
def allowed(request: pytest.FixtureRequest) -> Iterator[str]:
    """A process that lets float32 products be rounded."""
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision("highest")


def test_choosing_a_device_changes_no_setting(allowed: str) -> None:
    choose_device("cpu")
    assert torch.get_float32_matmul_precision() == allowed


def test_teachers_and_students_are_trained_in_full_precision_without_choosing_one(
    allowed: str, tiny_cohort: Callable[..., Cohort]
) -> None:
    seen: set[str] = set()

    def look(steps: int) -> None:
        seen.add(torch.get_float32_matmul_precision())

    cohort = tiny_cohort(1)
    teachers = train_teachers(TINY, (1,), cohort.digits, CPU, look)
    train_students(cohort, load_mitigation("baseline"), look)
    assert seen == {"highest"}
    assert torch.equal(teachers, cohort.teacher_parameters)
    assert torch.get_float32_matmul_precision() == allowed


def test_the_setting_comes_back_when_training_fails(
    allowed: str, tiny_cohort: Callable[..., Cohort]
) -> None:
    def fail(steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_students(tiny_cohort(1), load_mitigation("baseline"), fail)
    assert torch.get_float32_matmul_precision() == allowed
