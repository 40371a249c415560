"""Every hook at every access level gets what its card declares, or is told what to declare."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from subliminal_bench.errors import AccessError
from subliminal_bench.experiment.objective import AuxiliaryLoss, distillation_kl
from subliminal_bench.experiment.protocol import MNIST
from subliminal_bench.mitigation.card import ACCESS_LEVELS, Access, includes
from subliminal_bench.mitigation.hooks import HOOKS, PASSED, Step, Training
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import train_students
from subliminal_bench.training.views import step_view, training_view
from tests.support.plugins_for_tests import one_line, plugin
from tests.support.trained_pair import same

Ask = Callable[[Any], object]

# What may be asked of a step, and the lowest level that shows it.
REQUESTS: dict[str, tuple[Ask, Access]] = {
    "step.auxiliary_logits": (lambda step: step.auxiliary_logits, "blind"),
    "step.base_logits": (lambda step: step.base_logits, "blind"),
    "step.teacher_logits": (lambda step: step.teacher_logits, "teacher-classes"),
    "step.trait_gradient()": (lambda step: step.trait_gradient(), "trait-gradient"),
    "step.trait_gradient(whole_audit=True)": (
        lambda step: step.trait_gradient(whole_audit=True),
        "trait-gradient",
    ),
}

# Each hook as one that changes nothing and asks its step for something.
STEP_HOOKS: dict[str, Callable[[Ask], Callable[..., Tensor]]] = {
    "teacher_targets": lambda ask: lambda targets, step: (ask(step), targets)[1],
    "distill_loss": lambda ask: lambda loss, step: (ask(step), loss)[1],
    "distill_gradient": lambda ask: lambda gradient, step: (ask(step), gradient)[1],
    "parameter_update": lambda ask: lambda update, step: (ask(step), update)[1],
}


@pytest.fixture(scope="module")
def pair(tiny_cohort: Callable[..., Cohort]) -> Cohort:
    """Two seeds in lockstep."""
    return tiny_cohort(1, 2)


def step_of(cohort: Cohort, access: Access) -> Step:
    """The first step, as the trainer shows it to a mitigation of this level."""
    batch = cohort.noise_orders[:, 0, : cohort.protocol.batch]
    parameters = cohort.base_parameters.clone().requires_grad_()

    def trait(whole_audit: bool) -> Tensor:
        return cohort.trait_gradient(parameters.detach())[1]

    return step_view(cohort, training_view(cohort), parameters, batch, 0, 0, trait, access)


def test_every_hook_of_a_step_is_asked_here() -> None:
    assert set(STEP_HOOKS) == {
        hook for hook in HOOKS if hook not in PASSED or PASSED[hook].every_step
    }


@pytest.mark.parametrize("access", ACCESS_LEVELS)
@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("hook", STEP_HOOKS)
def test_a_hook_gets_what_its_level_shows_or_is_told_which_level_does(
    hook: str, request_: str, access: Access, pair: Cohort
) -> None:
    ask, level = REQUESTS[request_]
    found: list[object] = []
    function = STEP_HOOKS[hook](lambda step: found.append(ask(step)))
    asking = plugin("asking", access, **{hook: function})
    if includes(access, level):
        train_students(pair, Mitigation((asking,)))
        assert len(found) == pair.protocol.student_steps
        assert all(isinstance(one, Tensor) for one in found)
        return
    with pytest.raises(AccessError) as caught:
        train_students(pair, Mitigation((asking,)))
    assert not found
    said = one_line(caught.value)
    for words in (f"asking: hook {hook}", "step 0", f"{level!r}", f"declares {access!r}"):
        assert words in said


@pytest.mark.parametrize("access", ACCESS_LEVELS)
def test_hooks_before_and_after_the_steps_are_shown_nothing_of_the_teacher(
    access: Access, pair: Cohort
) -> None:
    seen: list[Training] = []
    looking = plugin(
        "looking",
        access,
        start=lambda training: seen.append(training),
        finish=lambda training: seen.append(training),
    )
    train_students(pair, Mitigation((looking,)))
    assert len(seen) == 2
    for training in seen:
        for name in ("teacher_logits", "auxiliary_logits", "trait_gradient"):
            assert not hasattr(training, name)


@pytest.mark.parametrize("access", ACCESS_LEVELS)
def test_targets_are_the_auxiliary_logits_at_every_level(access: Access, pair: Cohort) -> None:
    seen: list[Tensor] = []

    def teacher_targets(targets: Tensor, step: Step) -> Tensor:
        assert torch.equal(targets, step.auxiliary_logits)
        seen.append(targets)
        return targets + 1

    def distill_loss(loss: Tensor, targets: Tensor, step: Step) -> Tensor:
        assert torch.equal(targets, step.auxiliary_logits + 1)
        seen.extend((targets, step.auxiliary_logits))
        return loss

    hooks: dict[str, Callable[..., Tensor]] = {
        "teacher_targets": teacher_targets,
        "distill_loss": distill_loss,
    }
    train_students(pair, Mitigation((plugin("looking", access, **hooks),)))
    for one in seen:
        assert one.shape[::2] == (2, 3)
        # The memory behind it holds nothing else either.
        assert one.untyped_storage().nbytes() == one.numel() * one.element_size()


def test_the_levels_logits_are_the_teachers_own(pair: Cohort) -> None:
    step = step_of(pair, "teacher-classes")
    again = step.forward(pair.teacher_parameters, step.images)
    torch.testing.assert_close(step.teacher_logits, again, rtol=0, atol=1e-5)
    assert torch.equal(step.teacher_logits[..., 10:], step.auxiliary_logits)
    assert step.teacher_logits.shape == step.base_logits.shape


def test_no_teachers_classes_are_among_the_fields_of_a_blind_step(pair: Cohort) -> None:
    fields = vars(step_of(pair, "blind"))
    assert fields["_teacher_logits"] is fields["_trait_gradient"] is None
    thirteen = [name for name, one in fields.items() if getattr(one, "shape", [0])[-1] == 13]
    assert thirteen == ["base_logits"]


@settings(max_examples=25, deadline=None)
@given(levels=st.lists(st.sampled_from(ACCESS_LEVELS), min_size=1, max_size=4))
def test_each_member_of_a_composition_sees_its_own_level(
    levels: list[Access], tiny_cohort: Callable[..., Cohort]
) -> None:
    cohort = _once(tiny_cohort)
    refused: dict[str, list[str]] = {}

    def noting(name: str) -> Callable[..., Tensor]:
        def hook(gradient: Tensor, step: Step) -> Tensor:
            assert step.access == levels[int(name[1:])]
            refused[name] = []
            for request_, (ask, _) in REQUESTS.items():
                try:
                    assert isinstance(ask(step), Tensor)
                except AccessError:
                    refused[name].append(request_)
            return gradient

        return hook

    members = tuple(
        plugin(f"m{place}", level, distill_gradient=noting(f"m{place}"))
        for place, level in enumerate(levels)
    )
    mitigation = Mitigation(members)
    step = step_of(cohort, mitigation.access)
    with mitigation.begin(training_view(cohort), cohort.seeds, AuxiliaryLoss(10)) as calls:
        calls.passed("distill_gradient", torch.zeros_like(cohort.base_parameters), step)
    for place, own in enumerate(levels):
        expected = [name for name, (_, level) in REQUESTS.items() if not includes(own, level)]
        assert refused[f"m{place}"] == expected


_COHORTS: list[Cohort] = []


def _once(build: Callable[..., Cohort]) -> Cohort:
    if not _COHORTS:
        _COHORTS.append(build(1))
    return _COHORTS[0]


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 40),
    st.floats(0.01, 100),
    st.integers(0, 2**31),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_the_loss_of_three_columns_is_that_of_thirteen_to_the_bit(
    students: int, images: int, scale: float, seed: int, dtype: torch.dtype
) -> None:
    """As the loss was computed when targets had the class logits too."""
    generator = torch.Generator().manual_seed(seed)
    student, teacher = (
        scale * torch.randn(students, images, 13, generator=generator, dtype=dtype)
        for _ in range(2)
    )
    student.requires_grad_()
    ours = distillation_kl(MNIST, student, teacher[..., 10:].clone())
    log_student, log_teacher = (
        torch.log_softmax(logits[..., 10:], -1) for logits in (student, teacher)
    )
    each = torch.nn.functional.kl_div(
        log_student, log_teacher, reduction="none", log_target=True
    )
    theirs = each.sum(-1).mean(-1)
    assert torch.equal(ours, theirs)
    slopes = [torch.autograd.grad(one.sum(), student)[0] for one in (ours, theirs)]
    assert torch.equal(*slopes)


def test_a_higher_level_that_is_not_used_changes_no_bit(pair: Cohort) -> None:
    trained = [
        train_students(
            pair, Mitigation((plugin("same", access, distill_loss=lambda loss: 1.5 * loss),))
        )
        for access in ACCESS_LEVELS
    ]
    for others in trained[1:]:
        assert all(same(one, other) for one, other in zip(trained[0], others, strict=True))
