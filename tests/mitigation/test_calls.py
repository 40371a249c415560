"""Hooks are called in order, and a failing one is named in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.training import student
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.student import train_students
from tests.support.plugins_for_tests import HEAD, mitigation, plugin, write
from tests.support.trained_pair import BASELINE, refused, row_of_seed_2, same


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
        squared = plugin("squared", distill_loss=lambda loss: loss * loss)
        last = plugin("last", distill_loss=end)
        train_students(pair, Mitigation((last,)))
        train_students(pair, Mitigation((double, squared, last)))
        train_students(pair, Mitigation((squared, double, last)))
        raw, doubled_first, doubled_last = ended
        assert doubled_first == pytest.approx((2 * raw) ** 2, rel=1e-6)
        assert doubled_last == pytest.approx(2 * raw**2, rel=1e-6)

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
        monkeypatch.setattr(student, "student_optimiser", plain_descent)
        first, second = train_students(pair, self.exploding())
        assert first.diverged_at is None
        assert all(value is not None for value in first.metrics.values())
        assert second.diverged_at == 1
        assert second.metrics.keys() == METRICS.keys()
        kept = {name for name, value in second.metrics.items() if value is not None}
        assert kept == {name for name, one in METRICS.items() if one.when != "at the end"}
        assert {"teacher_accuracy", "latent_accuracy_initial", "kl_initial"} < kept

    def test_its_neighbour_is_undisturbed_bit_for_bit(
        self, pair: Cohort, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(student, "student_optimiser", plain_descent)
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
        monkeypatch.setattr(student, "student_optimiser", plain_descent)
        double = plugin(
            "double",
            distill_loss=lambda loss: 2 * loss,
            distill_gradient=lambda gradient: 2 * gradient,
        )
        first, second = train_students(pair, Mitigation((*self.exploding().plugins, double)))
        assert (first.diverged_at, second.diverged_at) == (None, 1)
