"""The engine against the sequential experiment, and against itself."""

from collections.abc import Callable

import pytest
import torch

from sequential.experiment import SequentialReference, Trace
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K, Protocol
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers
from tests.conftest import CPU, TINY

ENTRIES = ("baseline", "projection", "liminal")


@pytest.fixture(scope="module")
def sequential(embedded_digits: Digits) -> SequentialReference:
    torch.set_num_threads(1)
    return SequentialReference(TINY, embedded_digits, seed=3)


def engine(protocol: Protocol, digits: Digits, entry: str, *seeds: int) -> list[Outcome]:
    teachers = train_teachers(protocol, seeds, digits, CPU)
    cohort = Cohort(protocol, seeds, CPU, digits, teachers)
    return train_students(cohort, load_mitigation(entry))


def assert_follows(outcome: Outcome, trace: Trace, steps: int) -> None:
    """The first steps agree to float tolerance, all four curves."""
    curves = outcome.curves
    for name, absolute in (
        ("trait_loss", 2e-6),
        ("distill_loss", 2e-7),
        ("cosine_pre", 5e-5),
        ("cosine_post", 5e-5),
    ):
        ours = curves[name][:steps].double()
        theirs = torch.tensor(getattr(trace, name)[:steps], dtype=torch.float64)
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=absolute), (name, ours - theirs)


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_step_agrees_with_the_sequential_reference(
    entry: str, sequential: SequentialReference, embedded_digits: Digits
) -> None:
    trace = sequential.student(entry)
    (outcome,) = engine(TINY, embedded_digits, entry, 3)
    assert_follows(outcome, trace, steps=TINY.student_steps)
    assert outcome.metrics["teacher_accuracy"] == pytest.approx(trace.teacher_accuracy)
    assert outcome.metrics["trait_accuracy"] == pytest.approx(trace.trait_accuracy)
    # A KL of 3e-5 nats from log-probabilities of about 1 keeps three digits in float32.
    assert outcome.metrics["kl_final"] == pytest.approx(trace.kl_final, rel=1e-3)


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_lockstep_cohort_agrees_with_students_trained_alone(
    entry: str, embedded_digits: Digits
) -> None:
    together = engine(TINY, embedded_digits, entry, 1, 2, 5)
    for outcome in together:
        (alone,) = engine(TINY, embedded_digits, entry, outcome.seed)
        for name, curve in alone.curves.items():
            assert torch.allclose(curve, outcome.curves[name], rtol=1e-4, atol=5e-5), name


def test_the_same_command_gives_the_same_bits(embedded_digits: Digits) -> None:
    (first,) = engine(TINY, embedded_digits, "liminal", 4)
    (again,) = engine(TINY, embedded_digits, "liminal", 4)
    assert first.metrics == again.metrics


def test_training_leaves_the_global_generator_alone(embedded_digits: Digits) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    engine(TINY, embedded_digits, "projection", 1)
    assert torch.equal(torch.rand(3), expected)


def test_plain_distillation_never_touches_the_class_head(
    tiny_cohort: Callable[..., Cohort],
) -> None:
    (outcome,) = train_students(tiny_cohort(1), load_mitigation("baseline"))
    assert outcome.metrics["class_head_change"] == 0.0
    assert outcome.metrics["initial_head_accuracy"] == outcome.metrics["trait_accuracy"]
    assert outcome.metrics["altered_fraction"] == 0.0


def test_projection_moves_the_class_head_and_only_on_aligned_steps(
    tiny_cohort: Callable[..., Cohort],
) -> None:
    (outcome,) = train_students(tiny_cohort(1), load_mitigation("projection"))
    altered, moved = outcome.metrics["altered_fraction"], outcome.metrics["class_head_change"]
    assert altered is not None
    assert moved is not None
    assert moved > 0
    assert 0 < altered < 1


def test_parts_of_a_cohort_give_what_the_whole_gives(
    tiny_cohort: Callable[..., Cohort],
) -> None:
    whole = tiny_cohort(1, 2, 3)
    part = whole.subset([2])
    assert part.seeds == (2,)
    assert torch.equal(part.teacher_parameters[0], whole.teacher_parameters[1])
    assert torch.equal(part.noise[0], whole.noise[1])
    assert whole.subset([1, 2, 3]) is whole


def ends_where_the_reference_ends(protocol: Protocol, digits: Digits, entry: str) -> None:
    sequential = SequentialReference(protocol, digits, seed=2)
    trace = sequential.student(entry)
    own = train_teachers(protocol, (2,), digits, CPU)
    theirs = torch.cat([part.detach().flatten() for part in sequential.teacher.parameters()])
    # Two hundred steps of training let rounding grow: teachers agree to under a percent.
    assert (own[0] - theirs).norm() < 0.01 * theirs.norm()
    # From one and the same teacher on, the first steps of the student agree to float tolerance.
    cohort = Cohort(protocol, (2,), CPU, digits, theirs.unsqueeze(0))
    (outcome,) = train_students(cohort, load_mitigation(entry))
    assert_follows(outcome, trace, steps=10)
    # Within float chaos: rounding alone moves an accuracy by about half a point.
    assert outcome.metrics["trait_accuracy"] == pytest.approx(trace.trait_accuracy, abs=0.015)
    assert outcome.metrics["kl_final"] == pytest.approx(trace.kl_final, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES)
def test_the_embedded_protocol_ends_where_the_reference_ends(
    entry: str, embedded_digits: Digits
) -> None:
    ends_where_the_reference_ends(MNIST_5K, embedded_digits, entry)


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES)
def test_the_canonical_protocol_ends_where_the_reference_ends(
    entry: str, mnist_digits: Digits
) -> None:
    ends_where_the_reference_ends(MNIST, mnist_digits, entry)
