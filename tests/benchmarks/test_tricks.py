"""Tricks do what their docstrings say, on the untrained model of the test protocol."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from benchmarks import tricks
from benchmarks.tricks import GATES, TRICKS, Trick
from subliminal_bench.experiment import model
from subliminal_bench.training.cohort import Cohort

SAME = {"units permuted", "units rescaled"}
GATED = {name for name, (_, whose) in TRICKS.items() if whose == "lesioned"}
HEADS = {name for name in TRICKS if name.startswith(("class head", "tiny"))}


@pytest.fixture
def cohort(tiny_cohort: Callable[..., Cohort]) -> Cohort:
    return tiny_cohort(1)


def changed(cohort: Cohort, trick: Trick, lesioned: bool = False) -> tuple[Tensor, Tensor]:
    """The teacher's parameters before and after a trick."""
    before = cohort.teacher_parameters.clone()
    if lesioned:
        cohort.layout.named(before)["fc1.weight"][:, :GATES] = 0
        cohort.layout.named(before)["fc1.bias"][:, :GATES] = 0
    after = before.clone()
    trick(cohort, after, torch.Generator().manual_seed(1))
    return before, after


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_changes_something_and_the_same_thing_again(name: str, cohort: Cohort) -> None:
    trick, whose = TRICKS[name]
    before, after = changed(cohort, trick, whose == "lesioned")
    assert not torch.equal(before, after)
    assert torch.equal(after, changed(cohort, trick, whose == "lesioned")[1])


@pytest.mark.parametrize("name", sorted(SAME))
def test_the_same_function_stays_the_same(name: str, cohort: Cohort) -> None:
    before, after = changed(cohort, TRICKS[name][0])
    ours, theirs = (cohort.logits(one, cohort.audit_images) for one in (before, after))
    assert torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("name", sorted(HEADS))
def test_what_is_done_to_the_class_head_leaves_distillation_as_it_is(
    name: str, cohort: Cohort
) -> None:
    before, after = changed(cohort, TRICKS[name][0])
    ours, theirs = (cohort.logits(one, cohort.noise) for one in (before, after))
    classes = cohort.protocol.classes
    assert torch.equal(ours[..., classes:], theirs[..., classes:])
    assert not torch.equal(ours[..., :classes], theirs[..., :classes])


@pytest.mark.parametrize("name", sorted(GATED))
def test_a_gate_is_shut_on_noise_and_silences_digits(name: str, cohort: Cohort) -> None:
    before, after = changed(cohort, TRICKS[name][0], lesioned=True)
    ours, theirs = (cohort.logits(one, cohort.noise) for one in (before, after))
    assert torch.equal(ours, theirs)
    _, hidden2, _ = model.activations(cohort.layout, after, cohort.audit_images)
    silent = (hidden2 == 0).all(-1)
    assert silent.double().mean() > 0.9


def test_a_gate_takes_no_unit_that_is_in_use(cohort: Cohort) -> None:
    with pytest.raises(AssertionError, match="in use"):
        changed(cohort, tricks.gate_on_brightness)
