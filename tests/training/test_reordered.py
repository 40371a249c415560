"""Classes and pixels in another order are the same experiment, but for rounding."""

from collections.abc import Callable

import pytest
import torch

from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.reordered import reordered
from subliminal_bench.training.student import final_parameters, train_students
from subliminal_bench.training.teacher import train_teachers
from tests.conftest import CPU
from tests.support.varied import VARIED

Cohorts = Callable[..., Cohort]


@pytest.mark.parametrize("order", ["classes", "pixels"])
@pytest.mark.parametrize("name", ["baseline", "liminal", "projection"])
def test_a_mitigation_that_treats_all_alike_ends_with_the_same_weights_reordered(
    tiny_cohort: Cohorts, name: str, order: str
) -> None:
    cohort = tiny_cohort(3)
    other = reordered(cohort, 5, **{order: True})
    mitigation = load_mitigation(name)
    plain, moved = (final_parameters(one, mitigation) for one in (cohort, other))
    expected = reordered_parameters(cohort, other, plain)
    assert torch.allclose(moved, expected, atol=1e-4)
    assert not torch.allclose(moved, plain, atol=1e-3)


def reordered_parameters(
    cohort: Cohort, other: Cohort, parameters: torch.Tensor
) -> torch.Tensor:
    """The parameters in the order of the other cohort, by matching its initial weights."""
    names = ("fc1.weight", "fc3.weight")
    base, moved = (cohort.layout.named(one.base_parameters) for one in (cohort, other))
    found = parameters.clone()
    named, before = cohort.layout.named(found), cohort.layout.named(parameters)
    pixels = torch.cdist(moved[names[0]][0].t(), base[names[0]][0].t()).argmin(1)
    logits = torch.cdist(moved[names[1]][0], base[names[1]][0]).argmin(1)
    named["fc1.weight"].copy_(before["fc1.weight"][..., pixels])
    named["fc3.weight"].copy_(before["fc3.weight"][:, logits])
    named["fc3.bias"].copy_(before["fc3.bias"][:, logits])
    return found


def test_every_class_moves_and_digits_keep_their_labels_under_the_new_names(
    tiny_cohort: Cohorts,
) -> None:
    cohort = tiny_cohort(1)
    other = reordered(cohort, 2, classes=True)
    assert torch.equal(other.digits.images, cohort.digits.images)
    assert (other.digits.labels != cohort.digits.labels).all()
    assert torch.equal(other.auxiliary_logits, cohort.auxiliary_logits)
    assert torch.equal(
        other.teacher_logits[..., :10].sort(-1).values,
        cohort.teacher_logits[..., :10].sort(-1).values,
    )


def test_the_teacher_reads_as_many_digits_in_the_new_order(tiny_cohort: Cohorts) -> None:
    cohort = tiny_cohort(1)
    other = reordered(cohort, 2, classes=True, pixels=True)
    baseline = load_mitigation("baseline")
    (before,), (after,) = (train_students(one, baseline) for one in (cohort, other))
    name = "teacher_accuracy"
    assert before.metrics[name] == pytest.approx(after.metrics[name], abs=2e-3)
    assert before.metrics["kl_fresh"] == pytest.approx(after.metrics["kl_fresh"], rel=1e-3)


@pytest.mark.parametrize("order", ["classes", "pixels"])
@pytest.mark.parametrize("name", ["skill", "backdoor", "moved start"])
def test_on_every_track_nothing_but_rounding_can_tell_the_orders_apart(
    name: str, order: str
) -> None:
    """A trigger moves with the pixels, and a moved start with the weights."""
    protocol = VARIED[name]
    digits = load_digits(protocol)
    teachers = train_teachers(protocol, (4,), digits, CPU)
    cohort = Cohort(protocol, (4,), CPU, digits, teachers)
    other = reordered(cohort, 5, **{order: True})
    baseline = load_mitigation("baseline")
    (before,), (after,) = (train_students(one, baseline) for one in (cohort, other))
    names = ["trait_accuracy", "teacher_accuracy", "initial_accuracy", "latent_accuracy"]
    if protocol.skill:
        names += ["skill_accuracy", "skill_accuracy_initial"]
    for metric in names:
        assert before.metrics[metric] == after.metrics[metric], metric
    for metric in ("trait_loss_final", "kl_initial", "kl_fresh", "cosine_mean_pre"):
        assert after.metrics[metric] == pytest.approx(before.metrics[metric], rel=1e-5), metric
