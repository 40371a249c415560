"""Hooks may change what they are given, and see what a step shows."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.student import train_students
from tests.support.plugins_for_tests import mitigation, plugin
from tests.support.trained_pair import refused, same


def fresh(cohort: Cohort) -> Cohort:
    """The same seeds, with nothing shared that a hook could spoil."""
    return replace(cohort, teacher_parameters=cohort.teacher_parameters.clone())


class TestWhatAHookMayDo:
    def test_hooks_may_name_few_arguments(self, pair: Cohort) -> None:
        hook = mitigation(
            distill_loss=lambda student_logits: student_logits.square().mean((1, 2)),
            distill_gradient=lambda step: torch.ones_like(step.student_parameters),
        )
        assert [one.seed for one in train_students(pair, hook)] == [1, 2]

    def test_it_may_differentiate_the_loss_itself(self, pair: Cohort) -> None:
        def hook(loss: Tensor, step: Step) -> Tensor:
            (slope,) = torch.autograd.grad(
                loss.sum(), step.student_parameters, create_graph=True
            )
            return loss + slope.square().sum(1)

        assert all(
            one.metrics["altered_fraction"] == 1
            for one in train_students(pair, mitigation(distill_loss=hook))
        )

    def test_returning_what_came_in_changes_no_bit(
        self, pair: Cohort, untouched: list[Outcome]
    ) -> None:
        hook = mitigation(
            distill_loss=lambda loss: loss, distill_gradient=lambda gradient: gradient
        )
        found = train_students(pair, hook)
        assert all(same(one, other) for one, other in zip(found, untouched, strict=True))
        assert [one.metrics["altered_fraction"] for one in found] == [0, 0]

    def test_changing_the_given_gradient_leaves_the_raw_one_as_it_was(
        self, pair: Cohort, untouched: list[Outcome]
    ) -> None:
        found = train_students(
            pair, mitigation(distill_gradient=lambda gradient: gradient.mul_(-1))
        )
        for one, plain in zip(found, untouched, strict=True):
            assert one.curves["inner_pre"][0] == plain.curves["inner_pre"][0]
            assert one.curves["inner_post"][0] == -plain.curves["inner_pre"][0]
            assert one.metrics["altered_fraction"] == 1

    def test_changing_the_given_loss_leaves_the_raw_one_as_it_was(
        self, pair: Cohort, untouched: list[Outcome]
    ) -> None:
        found = train_students(pair, mitigation(distill_loss=lambda loss: loss.mul_(-1)))
        for one, plain in zip(found, untouched, strict=True):
            assert one.curves["distill_loss"][0] == plain.curves["distill_loss"][0]
            assert one.curves["inner_pre"][0] == plain.curves["inner_pre"][0]
            assert one.metrics["altered_fraction"] == 1

    @pytest.mark.parametrize(
        "name",
        [
            *("base_parameters", "student_parameters", "images"),
            *("auxiliary_logits", "base_logits", "teacher_logits"),
        ],
    )
    def test_what_the_step_shows_is_not_to_be_changed_in_place(
        self, name: str, pair: Cohort
    ) -> None:
        def reset(gradient: Tensor, step: Step) -> Tensor:
            getattr(step, name).detach().zero_()
            return gradient

        seeing = plugin("seeing", "teacher-classes", distill_gradient=reset)
        message = refused(fresh(pair), Mitigation((seeing,)))
        assert f"changed step.{name} in place" in message

    @pytest.mark.parametrize("name", ["student_logits", "targets"])
    @pytest.mark.parametrize("hidden", [False, True], ids=["seen", "through .data"])
    def test_logits_that_other_plugins_also_get_are_not_to_be_changed_in_place(
        self, name: str, hidden: bool, pair: Cohort
    ) -> None:
        def double(loss: Tensor, student_logits: Tensor, targets: Tensor) -> Tensor:
            given = {"student_logits": student_logits, "targets": targets}[name]
            (given.data if hidden else given).mul_(2)
            return loss

        message = refused(fresh(pair), mitigation(distill_loss=double))
        assert f"changed {name} in place" in message

    def test_an_oracle_gets_a_trait_gradient_of_its_own_each_time(self, pair: Cohort) -> None:
        seen: list[Tensor] = []

        def hook(gradient: Tensor, step: Step) -> Tensor:
            first = step.trait_gradient()
            kept = first.clone()
            first.zero_()
            seen.append(step.trait_gradient() - kept)
            assert kept.shape == gradient.shape
            return gradient

        oracle = plugin("oracle", "trait-gradient", distill_gradient=hook)
        train_students(pair, Mitigation((oracle,)))
        assert all(not one.any() for one in seen)


def drawn(cohort: Cohort, *names: str) -> dict[str, list[Tensor]]:
    """What plugins of these names draw, `[students, 3]` at every step."""
    numbers: dict[str, list[Tensor]] = {name: [] for name in names}

    def drawing(name: str) -> Callable[..., Tensor]:
        def hook(gradient: Tensor, step: Step) -> Tensor:
            numbers[name].append(step.normal(3))
            return gradient

        return hook

    plugins = (plugin(name, distill_gradient=drawing(name)) for name in names)
    train_students(cohort, Mitigation(tuple(plugins)))
    return numbers


class TestStep:
    def test_a_seeds_random_numbers_do_not_depend_on_its_cohort(
        self, pair: Cohort, tiny_cohort: Callable[..., Cohort]
    ) -> None:
        together = drawn(pair, "probe")["probe"]
        alone = drawn(tiny_cohort(2), "probe")["probe"]
        assert all(torch.equal(a[1:], b) for a, b in zip(together, alone, strict=True))

    def test_random_numbers_are_the_same_in_every_run_whatever_the_global_generator(
        self, pair: Cohort
    ) -> None:
        torch.manual_seed(1)
        first = drawn(pair, "probe")["probe"]
        torch.manual_seed(2)
        second = drawn(pair, "probe")["probe"]
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))

    def test_random_numbers_differ_between_steps_seeds_and_members(self, pair: Cohort) -> None:
        numbers = drawn(pair, "one", "two")
        rows = [
            tuple(row.tolist()) for steps in numbers.values() for step in steps for row in step
        ]
        assert len(set(rows)) == len(rows) == 4 * pair.protocol.student_steps

    def test_a_generator_a_seed_gives_the_numbers_that_normal_gives(self, pair: Cohort) -> None:
        seen: list[Tensor] = []

        def hook(gradient: Tensor, step: Step) -> Tensor:
            assert len(step.generators) == len(step.seeds) == 2
            seen.append(torch.stack([torch.randn(3, generator=g) for g in step.generators]))
            return gradient

        train_students(pair, mitigation(distill_gradient=hook))
        assert all(
            torch.equal(a, b) for a, b in zip(seen, drawn(pair, "probe")["probe"], strict=True)
        )

    def test_progress_runs_from_zero_to_one(self, pair: Cohort) -> None:
        seen: list[Step] = []

        def hook(gradient: Tensor, step: Step) -> Tensor:
            seen.append(step)
            return gradient

        train_students(pair, mitigation(distill_gradient=hook))
        protocol = pair.protocol
        last = protocol.student_steps - 1
        assert [step.index for step in seen] == list(range(last + 1))
        assert [step.progress for step in seen] == [k / last for k in range(last + 1)]
        assert [step.epoch for step in seen] == [
            k // protocol.student_steps_per_epoch for k in range(last + 1)
        ]
        assert {step.steps for step in seen} == {last + 1}
        assert {step.seeds for step in seen} == {(1, 2)}

    def test_it_shows_the_batch_and_both_models_on_it(self, pair: Cohort) -> None:
        def hook(loss: Tensor, student_logits: Tensor, targets: Tensor, step: Step) -> Tensor:
            students, images, pixels = step.images.shape
            assert (students, pixels) == (2, 784)
            assert student_logits.shape == (students, images, 13)
            assert targets.shape == (students, images, 3)
            assert torch.equal(targets, step.auxiliary_logits)
            again = step.forward(step.base_parameters, step.images)
            assert torch.allclose(again, step.base_logits, atol=1e-5)
            if step.index == 0:
                assert torch.allclose(student_logits, step.base_logits, atol=1e-5)
            assert step.named(step.student_parameters)["fc3.bias"].shape == (2, 13)
            return loss

        train_students(pair, mitigation(distill_loss=hook))
