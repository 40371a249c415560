"""What a hook must not return is put to its author in one line."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import train_students
from tests.support.plugins_for_tests import mitigation, plugin
from tests.support.trained_pair import NAN, refused, row_of_seed_2

# What a hook returns, and what the line about it must say.
WRONG_LOSSES: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "mean over students": (lambda loss: loss.mean(), ["shape []", "[2]"]),
    "one loss an image": (
        lambda loss, student_logits: student_logits.square().mean(-1),
        ["shape [2, 256]", "[2]"],
    ),
    "one row too many": (lambda loss: torch.cat([loss, loss[:1]]), ["shape [3]", "[2]"]),
    "float64": (lambda loss: loss.double(), ["dtype torch.float64", "torch.float32"]),
    "float16": (lambda loss: loss.half(), ["dtype torch.float16"]),
    "complex": (lambda loss: loss * 1j, ["dtype torch.complex64"]),
    "nothing": (lambda loss: None, ["None", "return"]),
    "a number": (lambda loss: 0.5, ["float"]),
    "a list": (lambda loss: [*loss], ["list"]),
    "nan": (lambda loss: loss * NAN, ["not finite"]),
    "infinite": (lambda loss: loss / 0, ["not finite"]),
    "detached": (lambda loss: loss.detach(), ["detached from the graph"]),
    "through item": (
        lambda loss: torch.tensor([one.item() for one in loss]),
        ["detached from the graph"],
    ),
    "zeros": (lambda loss: torch.zeros_like(loss), ["detached from the graph"]),
    "zeros with a gradient of their own": (
        lambda loss: torch.zeros(2, requires_grad=True),
        ["detached from the graph"],
    ),
    "detached and made to look connected": (
        lambda loss: loss.detach().requires_grad_(),
        ["detached from the graph"],
    ),
    "a penalty through item": (
        lambda loss, student_logits: loss + student_logits.square().mean().item(),
        ["a penalty that has no gradient", "item()"],
    ),
    "a detached penalty per student": (
        lambda loss, student_logits: loss + student_logits.detach().square().mean((1, 2)),
        ["a penalty that has no gradient"],
    ),
    "a penalty through item, in place": (
        lambda loss, student_logits: loss.add_(student_logits.square().mean().item()),
        ["a penalty that has no gradient"],
    ),
}

WRONG_GRADIENTS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "summed over students": (lambda gradient: gradient.sum(0), ["shape", "[students, param"]),
    "one column short": (lambda gradient: gradient[:, :-1], ["shape"]),
    "transposed": (lambda gradient: gradient.T, ["shape"]),
    "float64": (lambda gradient: gradient.double(), ["dtype torch.float64"]),
    "whole numbers": (lambda gradient: gradient.sign().long(), ["dtype torch.int64"]),
    "nothing": (lambda gradient: None, ["None", "return"]),
    "numpy": (lambda gradient: gradient.numpy(), ["ndarray"]),
    "a dictionary": (lambda gradient, step: step.named(gradient), ["dict"]),
    "nan": (lambda gradient: gradient * NAN, ["not finite"]),
    "one nan": (
        lambda gradient: gradient.index_fill(1, torch.tensor([7]), NAN),
        ["not finite"],
    ),
}


class TestWrongReturns:
    @pytest.mark.parametrize("mistake", WRONG_LOSSES)
    def test_a_loss_that_does_not_fit_names_hook_seeds_step(
        self, mistake: str, pair: Cohort
    ) -> None:
        hook, said = WRONG_LOSSES[mistake]
        message = refused(pair, mitigation(distill_loss=hook))
        for words in ["probe", "distill_loss", "seeds 1-2", "step 0", *said]:
            assert words in message

    @pytest.mark.parametrize("mistake", WRONG_GRADIENTS)
    def test_a_gradient_that_does_not_fit_names_hook_seeds_step(
        self, mistake: str, pair: Cohort
    ) -> None:
        hook, said = WRONG_GRADIENTS[mistake]
        message = refused(pair, mitigation(distill_gradient=hook))
        for words in ["probe", "distill_gradient", "seeds 1-2", "step 0", *said]:
            assert words in message

    def test_a_loss_computed_under_no_grad_is_cut_off(self, pair: Cohort) -> None:
        def hook(loss: Tensor) -> Tensor:
            with torch.no_grad():
                return loss * 2

        assert "detached from the graph" in refused(pair, mitigation(distill_loss=hook))

    @pytest.mark.parametrize(
        "hook",
        [
            lambda loss: loss * 0.5,
            lambda loss: loss,
            lambda loss: loss * 3 / 3,
            lambda loss: loss**2,
            lambda loss, step: loss * 1.0 if step.index else loss * 2,
            lambda loss, student_logits: (
                loss + student_logits.square().mean((1, 2)).clamp(max=0)
            ),
            lambda loss, step: loss + step.student_parameters.square().sum(1),
        ],
        ids=["half", "same", "rounded", "squared", "late", "clamped", "parameters"],
    )
    def test_a_loss_that_only_rescales_or_whose_penalty_has_a_gradient_is_allowed(
        self, hook: Callable[..., Any], pair: Cohort
    ) -> None:
        train_students(pair, mitigation(distill_loss=hook))

    @pytest.mark.parametrize("hook", ["distill_loss", "distill_gradient"])
    def test_nan_of_one_seed_names_exactly_that_seed_and_step(
        self, hook: str, pair: Cohort
    ) -> None:
        def late(value: Tensor, step: Step) -> Tensor:
            return value * row_of_seed_2(value, NAN) if step.index == 5 else value

        hooks: dict[str, Callable[..., Tensor]] = {
            "distill_loss": lambda loss, step: late(loss, step),
            "distill_gradient": lambda gradient, step: late(gradient, step),
        }
        message = refused(pair, mitigation(**{hook: hooks[hook]}))
        assert f"hook {hook}, seed 2, step 5:" in message
        assert "not finite" in message

    def test_a_finite_loss_whose_gradient_is_not_is_the_hooks_mistake(
        self, pair: Cohort
    ) -> None:
        def distance(loss: Tensor, student_logits: Tensor, step: Step) -> Tensor:
            # At the first step the student is the base model: the root of zero has no slope.
            squares = (student_logits - step.base_logits).square().sum((1, 2))
            return loss + squares.sqrt()

        message = refused(pair, mitigation(distill_loss=distance))
        assert "hook distill_loss, seeds 1-2, step 0:" in message
        assert "not finite" in message

    def test_the_member_of_a_composition_that_cut_the_loss_off_is_named(
        self, pair: Cohort
    ) -> None:
        cutter = plugin("cutter", distill_loss=lambda loss: torch.zeros(2, requires_grad=True))
        doubler = plugin("doubler", distill_loss=lambda loss: 2 * loss)
        assert refused(pair, Mitigation((cutter, doubler))).startswith("cutter:")
        assert refused(pair, Mitigation((doubler, cutter))).startswith("cutter:")

    def test_a_later_member_does_not_hide_that_an_earlier_one_cut_the_loss_off(
        self, pair: Cohort
    ) -> None:
        cutter = plugin("cutter", distill_loss=lambda loss: torch.zeros(2, requires_grad=True))
        adder = plugin(
            "adder",
            distill_loss=lambda loss, student_logits: (
                loss + student_logits.square().mean((1, 2))
            ),
        )
        assert refused(pair, Mitigation((cutter, adder))).startswith("cutter:")
