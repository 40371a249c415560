"""Hooks at work: what they may do, and how each mistake is put to its author in one line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from subliminal_bench.errors import HookError
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.training import student
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import Outcome
from subliminal_bench.training.student import train_students
from tests.support.plugins_for_tests import HEAD, mitigation, one_line, plugin, write

NAN = float("nan")
BASELINE = Mitigation((plugin("baseline"),))


@pytest.fixture(scope="module")
def pair(tiny_cohort: Callable[..., Cohort]) -> Cohort:
    """Two seeds in lockstep."""
    return tiny_cohort(1, 2)


@pytest.fixture(scope="module")
def untouched(pair: Cohort) -> list[Outcome]:
    """What the two seeds come to without any mitigation."""
    return train_students(pair, BASELINE)


def refused(cohort: Cohort, what: Mitigation) -> str:
    with pytest.raises(HookError) as caught:
        train_students(cohort, what)
    return one_line(caught.value)


def same(first: Outcome, second: Outcome) -> bool:
    """Bit for bit the same numbers."""
    return (
        (first.seed, first.metrics, first.diverged_at)
        == (second.seed, second.metrics, second.diverged_at)
    ) and all(
        torch.equal(first.curves[name].nan_to_num(), second.curves[name].nan_to_num())
        for name in first.curves
    )


def fresh(cohort: Cohort) -> Cohort:
    """The same seeds, with nothing shared that a hook could spoil."""
    return replace(cohort, teacher_parameters=cohort.teacher_parameters.clone())


def row_of_seed_2(values: Tensor, factor: float) -> Tensor:
    """A factor for seed 2's row of a cohort of seeds 1 and 2, and 1 for seed 1's."""
    return torch.tensor([1.0, factor]).view(2, *[1] * (values.dim() - 1))


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
    "detached": (lambda loss: loss.detach(), ["cut off"]),
    "through item": (lambda loss: torch.tensor([one.item() for one in loss]), ["cut off"]),
    "zeros": (lambda loss: torch.zeros_like(loss), ["cut off"]),
    "zeros with a gradient of their own": (
        lambda loss: torch.zeros(2, requires_grad=True),
        ["cut off"],
    ),
    "detached and made to look connected": (
        lambda loss: loss.detach().requires_grad_(),
        ["cut off"],
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

        assert "cut off" in refused(pair, mitigation(distill_loss=hook))

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


def write_failing(folder: Path, line: str) -> Path:
    """A mitigation whose `distill_loss` starts with this line, the ninth of the file."""
    return write(
        folder / "failing.py",
        f"import torch\n{HEAD}@hookimpl\ndef mitigation():\n"
        f"    return Card('failing', 'Failing')\n\n@hookimpl\ndef distill_loss(loss, step):\n"
        f"    {line}\n    return loss\n",
    )


class TestFailures:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("1 / 0", "ZeroDivisionError: division by zero"),
            ("step.settings.weight", "declared: none"),
            ("raise ValueError('first\\nsecond')", "ValueError: first"),
            ("raise ValueError", "ValueError"),
            ("loss + torch.ones(7)", "RuntimeError: The size of tensor"),
            ("torch.einsum('ij,jk->ik', loss, loss)", "RuntimeError: einsum"),
            ("torch.nn.functional.cross_entropy(loss, 'x')", "TypeError: cross_entropy"),
            ("step.index = 3", "FrozenInstanceError"),
        ],
    )
    def test_an_exception_names_the_authors_file_and_line(
        self, line: str, said: str, pair: Cohort, tmp_path: Path
    ) -> None:
        path = write_failing(tmp_path, line)
        written = path.read_text().splitlines().index(f"    {line}") + 1
        message = refused(pair, load_mitigation(str(path)))
        for words in ["failing: hook distill_loss, seeds 1-2, step 0", said]:
            assert words in message
        assert f"failing.py, line {written}" in message

    @pytest.mark.parametrize("hook", ["distill_loss", "distill_gradient"])
    def test_a_blind_mitigation_that_asks_for_the_trait_is_told_the_access_level(
        self, hook: str, pair: Cohort
    ) -> None:
        hooks: dict[str, Callable[..., Tensor]] = {
            "distill_loss": lambda loss, step: loss + step.trait_gradient().sum(1),
            "distill_gradient": lambda gradient, step: gradient - step.trait_gradient(),
        }
        message = refused(pair, mitigation(**{hook: hooks[hook]}))
        for words in [hook, "'trait-gradient'", "'blind'", "step 0"]:
            assert words in message

    def test_a_blind_member_gains_nothing_from_an_oracle_beside_it(self, pair: Cohort) -> None:
        oracle = plugin("oracle", "trait-gradient")
        peeker = plugin(
            "peeker", distill_gradient=lambda gradient, step: gradient - step.trait_gradient()
        )
        assert refused(pair, Mitigation((oracle, peeker))).startswith("peeker:")

    def test_a_graph_that_the_hook_used_up_is_one_line(self, pair: Cohort) -> None:
        def hook(loss: Tensor, step: Step) -> Tensor:
            (slope,) = torch.autograd.grad(loss.sum(), step.student_parameters)
            return loss + 0 * slope.sum()

        message = refused(pair, mitigation(distill_loss=hook))
        assert "distill_loss" in message
        assert "step 0" in message

    def test_a_change_in_place_that_breaks_the_graph_is_one_line(self, pair: Cohort) -> None:
        def hook(loss: Tensor, student_logits: Tensor) -> Tensor:
            probability = student_logits.softmax(-1)
            extra = probability.sum((1, 2))
            probability.mul_(2)
            return loss + extra

        message = refused(pair, mitigation(distill_loss=hook))
        assert "distill_loss" in message
        assert "step 0" in message


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
        ["base_parameters", "student_parameters", "images", "teacher_logits", "base_logits"],
    )
    def test_what_the_step_shows_is_not_to_be_changed_in_place(
        self, name: str, pair: Cohort
    ) -> None:
        def reset(gradient: Tensor, step: Step) -> Tensor:
            getattr(step, name).detach().zero_()
            return gradient

        message = refused(fresh(pair), mitigation(distill_gradient=reset))
        assert f"changed step.{name} in place" in message

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


class TestComposition:
    def test_gradients_pass_through_in_the_order_given(self, pair: Cohort) -> None:
        def noting(at: list[Tensor]) -> Callable[..., Tensor]:
            def hook(gradient: Tensor, step: Step) -> Tensor:
                if step.index == 0:
                    at.append(gradient.clone())
                return gradient

            return hook

        raw: list[Tensor] = []
        ended: list[Tensor] = []
        first = plugin("first", distill_gradient=noting(raw))
        last = plugin("last", distill_gradient=noting(ended))
        double = plugin("double", distill_gradient=lambda gradient: 2 * gradient)
        one_more = plugin("one_more", distill_gradient=lambda gradient: gradient + 1)
        train_students(pair, Mitigation((first, double, one_more, last)))
        train_students(pair, Mitigation((first, one_more, double, last)))
        assert torch.equal(ended[0], 2 * raw[0] + 1)
        assert torch.equal(ended[1], 2 * (raw[1] + 1))

    def test_losses_pass_through_in_the_order_given(self, pair: Cohort) -> None:
        ended: list[float] = []

        def end(loss: Tensor, step: Step) -> Tensor:
            if step.index == 0:
                ended.append(loss[0].item())
            return loss

        double = plugin("double", distill_loss=lambda loss: 2 * loss)
        one_more = plugin("one_more", distill_loss=lambda loss: loss + 1)
        last = plugin("last", distill_loss=end)
        train_students(pair, Mitigation((last,)))
        train_students(pair, Mitigation((double, one_more, last)))
        train_students(pair, Mitigation((one_more, double, last)))
        raw, doubled_first, doubled_last = ended
        assert doubled_first == pytest.approx(2 * raw + 1, rel=1e-6)
        assert doubled_last == pytest.approx(2 * (raw + 1), rel=1e-6)

    def test_each_member_has_a_state_of_its_own_that_a_run_starts_empty(
        self, pair: Cohort
    ) -> None:
        seen: dict[str, list[list[str]]] = {"one": [], "two": []}

        def remembering(name: str) -> Callable[..., Tensor]:
            def hook(gradient: Tensor, step: Step) -> Tensor:
                seen[name].append(sorted(step.state))
                step.state[f"{name}{step.index}"] = gradient
                return gradient

            return hook

        both = Mitigation(
            tuple(plugin(name, distill_gradient=remembering(name)) for name in seen)
        )
        train_students(pair, both)
        steps = pair.protocol.student_steps
        for name, states in seen.items():
            assert states == [[f"{name}{i}" for i in range(k)] for k in range(steps)]
        train_students(pair, both)
        assert seen["one"][steps] == seen["two"][steps] == []

    def test_state_passes_from_one_hook_to_the_other(self, pair: Cohort) -> None:
        def keep(loss: Tensor, step: Step) -> Tensor:
            step.state["loss"] = loss.detach()
            return loss

        def use(gradient: Tensor, step: Step) -> Tensor:
            kept: Tensor = step.state["loss"]
            return gradient * kept.unsqueeze(1)

        train_students(pair, mitigation(distill_loss=keep, distill_gradient=use))


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
        def hook(
            loss: Tensor, student_logits: Tensor, teacher_logits: Tensor, step: Step
        ) -> Tensor:
            students, images, pixels = step.images.shape
            assert (students, pixels) == (2, 784)
            assert student_logits.shape == (students, images, 13)
            assert torch.equal(teacher_logits, step.teacher_logits)
            again = step.forward(step.base_parameters, step.images)
            assert torch.allclose(again, step.base_logits, atol=1e-5)
            if step.index == 0:
                assert torch.allclose(student_logits, step.base_logits, atol=1e-5)
            assert step.named(step.student_parameters)["fc3.bias"].shape == (2, 13)
            return loss

        train_students(pair, mitigation(distill_loss=hook))


def plain_descent(protocol: Protocol, parameters: Tensor) -> torch.optim.Optimizer:
    """An optimiser that, unlike Adam, lets a huge gradient make a huge step."""
    return torch.optim.SGD([parameters], lr=protocol.learning_rate)


class TestDivergence:
    def exploding(self) -> Mitigation:
        return mitigation(
            distill_gradient=lambda gradient: gradient * row_of_seed_2(gradient, 1e30)
        )

    def test_a_student_that_diverges_by_itself_is_recorded_and_no_hook_is_blamed(
        self, pair: Cohort, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(student, "adam", plain_descent)
        first, second = train_students(pair, self.exploding())
        assert first.diverged_at is None
        assert all(value is not None for value in first.metrics.values())
        assert second.diverged_at == 1
        assert second.metrics.keys() == METRICS.keys()
        kept = {name for name, value in second.metrics.items() if value is not None}
        assert kept == {
            "teacher_accuracy",
            "initial_accuracy",
            "classes_predicted_initial",
            "trait_loss_initial",
            "kl_initial",
        }

    def test_its_neighbour_is_undisturbed_bit_for_bit(
        self, pair: Cohort, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(student, "adam", plain_descent)
        plain, _ = train_students(pair, BASELINE)
        first, _ = train_students(pair, self.exploding())
        assert same(first, plain)

    @pytest.mark.parametrize("factor", [1e30, 1e36, 1e-30])
    def test_under_the_protocols_optimiser_too(
        self, factor: float, pair: Cohort, untouched: list[Outcome]
    ) -> None:
        first, second = train_students(
            pair,
            mitigation(
                distill_gradient=lambda gradient: gradient * row_of_seed_2(gradient, factor)
            ),
        )
        assert same(first, untouched[0])
        numbers = [value for value in second.metrics.values() if value is not None]
        assert torch.tensor(numbers).isfinite().all()

    def test_a_later_hook_is_not_blamed_for_rows_that_came_in_broken(
        self, pair: Cohort, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(student, "adam", plain_descent)
        double = plugin(
            "double",
            distill_loss=lambda loss: 2 * loss,
            distill_gradient=lambda gradient: 2 * gradient,
        )
        first, second = train_students(pair, Mitigation((*self.exploding().plugins, double)))
        assert (first.diverged_at, second.diverged_at) == (None, 1)
