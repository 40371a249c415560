"""The engine against a plain implementation of one student, on every variation."""

from functools import cache, partial

import pytest
import torch

from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.protocol import MNIST_5K, Protocol
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import skill_accuracy
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.path import plain_at
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers
from tests.conftest import CPU
from tests.support.plain_tracks import PlainTrack, flat
from tests.support.plugins_for_tests import mitigation
from tests.support.varied import VARIED

every_variation = pytest.mark.parametrize("name", VARIED)
# Those in which a quicker run may show what is wrong with all.
QUICK = ("skill", "backdoor", "SGD", "moved start")
quick_variations = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow, id=name)
        for name in VARIED
    ],
)
# Adam divides by what is nearly nothing, which lets rounding grow.
close = partial(torch.testing.assert_close, rtol=1e-6, atol=1e-8)


@cache
def plain(name: str) -> PlainTrack:
    digits = load_digits(MNIST_5K)
    return PlainTrack(VARIED[name], digits.images, digits.labels, seed=2)


@cache
def cohort(name: str, *seeds: int) -> Cohort:
    protocol: Protocol = VARIED[name]
    digits = load_digits(protocol)
    return Cohort(protocol, seeds, CPU, digits, train_teachers(protocol, seeds, digits, CPU))


@cache
def outcomes(name: str, *seeds: int) -> list[Outcome]:
    return train_students(cohort(name, *seeds), load_mitigation("baseline"))


@every_variation
def test_base_and_teacher_are_those_of_the_plain_implementation(name: str) -> None:
    ours, theirs = cohort(name, 2), plain(name)
    close(ours.base_parameters[0], flat(theirs.base))
    close(ours.teacher_parameters[0], flat(theirs.teacher))
    assert not torch.equal(ours.teacher_parameters, ours.base_parameters)


@every_variation
def test_the_student_is_that_of_the_plain_implementation(name: str) -> None:
    (outcome,) = outcomes(name, 2)
    close(outcome.parameters, flat(plain(name).distilled()))


@every_variation
def test_the_trait_gradient_is_autograds(name: str) -> None:
    ours, theirs = cohort(name, 2), plain(name)
    for model in (theirs.base, theirs.teacher):
        expected_loss, expected = theirs.trait_gradient(model)
        parameters = flat(model).unsqueeze(0)
        for found in (ours.trait_gradient, ours.measured_trait_gradient):
            loss, gradient = found(parameters)
            torch.testing.assert_close(loss[0], expected_loss)
            torch.testing.assert_close(gradient[0], expected)


@every_variation
def test_trait_and_skill_are_counted_as_in_the_plain_implementation(name: str) -> None:
    (outcome,), theirs, protocol = outcomes(name, 2), plain(name), VARIED[name]
    models = {"trait_accuracy": theirs.distilled(), "teacher_accuracy": theirs.teacher}
    for metric, model in (models | {"initial_accuracy": theirs.base}).items():
        assert outcome.metrics[metric] == theirs.accuracy(model, protocol.trait_task), metric
    if protocol.skill is None:
        assert "skill_accuracy" not in outcome.metrics
        with pytest.raises(ValueError, match="has no skill"):
            skill_accuracy(cohort(name, 2), cohort(name, 2).base_parameters)
        return
    for suffix, model in (
        ("", models["trait_accuracy"]),
        ("_initial", theirs.base),
        ("_teacher", theirs.teacher),
    ):
        expected = theirs.accuracy(model, protocol.skill)
        assert outcome.metrics[f"skill_accuracy{suffix}"] == expected, suffix


@quick_variations
def test_two_students_in_lockstep_are_those_trained_alone(name: str) -> None:
    together = cohort(name, 2, 5)
    assert torch.equal(together.base_parameters[0], cohort(name, 2).base_parameters[0])
    first, _ = outcomes(name, 2, 5)
    (alone,) = outcomes(name, 2)
    close(first.parameters, alone.parameters)
    for curve in ("distill_loss", "trait_loss"):
        close(first.curves[curve], alone.curves[curve])


@quick_variations
def test_the_path_of_plain_distillation_passes_through_the_student(name: str) -> None:
    own, protocol = cohort(name, 2), VARIED[name]
    path = plain_at(own, [0, protocol.student_steps])
    (outcome,) = outcomes(name, 2)
    assert torch.equal(path[protocol.student_steps][0], outcome.parameters)
    assert torch.equal(path[0], own.start_parameters)


@pytest.mark.parametrize("name", ["skill", "backdoor"])
def test_a_mitigation_that_breaks_the_class_head_is_seen_to_lose_the_skill(name: str) -> None:
    own = cohort(name, 2)
    layout, classes = own.layout, own.protocol.classes

    def break_head(parameters: torch.Tensor) -> torch.Tensor:
        broken = parameters.clone()
        named = layout.named(broken)
        for part in layout.head:
            named[part][:, :classes] = 0.0
        return broken

    (plain_one,) = outcomes(name, 2)
    (broken,) = train_students(own, mitigation(finish=break_head))
    kept, lost = (one.metrics["skill_accuracy"] for one in (plain_one, broken))
    base = plain_one.metrics["skill_accuracy_initial"]
    assert kept is not None
    assert lost is not None
    assert base is not None
    assert kept > base - 0.05
    assert lost < kept - 0.05
    assert broken.metrics["kl_fresh"] == plain_one.metrics["kl_fresh"]
