"""What a mitigation's access does not show can change, and nothing changes for it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from subliminal_bench.experiment import streams
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import MNIST
from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.training.blindness import (
    is_blind,
    other_classes,
    out_of_sight,
    renamed_digits,
)
from subliminal_bench.training.cohort import Cohort
from tests.conftest import TINY
from tests.support.plugins_for_tests import plugin


def test_the_teachers_own_digits_stay_and_all_others_change(embedded_digits: Digits) -> None:
    teacher, audit, test = streams.split(TINY, 3)
    other = out_of_sight(TINY, 3, embedded_digits, secret=1)
    assert torch.equal(other.images[teacher], embedded_digits.images[teacher])
    assert torch.equal(other.labels[teacher], embedded_digits.labels[teacher])
    for hidden in (audit, test):
        assert not (other.images[hidden] == embedded_digits.images[hidden]).all(1).any()
        agreeing = (other.labels[hidden] == embedded_digits.labels[hidden]).double().mean()
        assert agreeing < 0.2


def test_test_images_of_their_own_change_too() -> None:
    digits = Digits(
        torch.zeros(60, 4),
        torch.zeros(60, dtype=torch.int64),
        torch.zeros(10, 4),
        torch.zeros(10, dtype=torch.int64),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "split", lambda *_: torch.arange(60).split([50, 10, 0]))
        other = out_of_sight(MNIST, 1, digits, secret=1)
    assert other.test_images is not None
    assert other.test_images.abs().sum() > 0
    assert other.images[:50].abs().sum() == 0


def test_renamed_digits_keep_their_pixels_and_classes_under_other_names(
    embedded_digits: Digits,
) -> None:
    other = renamed_digits(TINY, embedded_digits, secret=7)
    assert not torch.equal(other.images, embedded_digits.images)
    assert torch.equal(other.images.sort(1).values, embedded_digits.images.sort(1).values)
    pairs = set(zip(embedded_digits.labels.tolist(), other.labels.tolist(), strict=True))
    assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs}) == 10


@pytest.mark.parametrize("name", ["baseline", "liminal"])
def test_blind_references_are_blind(name: str, tiny_cohort: Callable[..., Cohort]) -> None:
    assert is_blind(tiny_cohort(1), load_mitigation(name))


def test_an_oracle_is_not(tiny_cohort: Callable[..., Cohort]) -> None:
    assert not is_blind(tiny_cohort(1), load_mitigation("projection"))


def test_other_classes_of_the_teacher_leave_its_auxiliary_logits_as_they_are(
    tiny_cohort: Callable[..., Cohort],
) -> None:
    cohort = tiny_cohort(1)
    other = replace(cohort, teacher_parameters=other_classes(cohort, secret=1))
    assert torch.equal(other.auxiliary_logits, cohort.auxiliary_logits)
    assert not (other.teacher_logits[..., :10] == cohort.teacher_logits[..., :10]).any()


def test_one_that_declares_the_teachers_classes_may_use_them_and_no_digits(
    tiny_cohort: Callable[..., Cohort],
) -> None:
    def distill_loss(loss: torch.Tensor, step: Step) -> torch.Tensor:
        return loss * (1 + step.teacher_logits[..., :10].std((1, 2)))

    seeing = Mitigation((plugin("seeing", "teacher-classes", distill_loss=distill_loss),))
    assert is_blind(tiny_cohort(1), seeing)
