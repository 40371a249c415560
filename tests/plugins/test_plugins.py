"""The entries in `plugins/`: each does what its docstring says, on the test protocol."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.student import train_students
from tests.support.plugins_for_tests import plugin

Cohorts = Callable[..., Cohort]
CLASS_HEAD = ("fc3.weight", "fc3.bias")


@pytest.fixture(scope="module")
def pair(tiny_cohort: Cohorts) -> Cohort:
    """Seeds 1 and 2, trained by nobody yet."""
    return tiny_cohort(1, 2)


@pytest.fixture(scope="module")
def other_pair(tiny_cohort: Cohorts) -> Cohort:
    """Seed 1 beside another one."""
    return tiny_cohort(1, 3)


def train(cohort: Cohort, name: str, *settings: str, **seen: Callable[..., Any]) -> Outcome:
    """The first student's outcome; `seen` are hooks that act after the entry's own."""
    loaded = load_mitigation(name, settings)
    if seen:
        loaded = Mitigation((*loaded.plugins, plugin("after", "trait-gradient", **seen)))
    return train_students(cohort, loaded)[0]


def what(cohort: Cohort, hook: str, name: str, *settings: str) -> list[Tensor]:
    """What an entry makes of a hook's value, each time that it is called."""
    kept: list[Tensor] = []

    def keep(value: Tensor) -> Tensor:
        kept.append(value)
        return value

    watchers: dict[str, Callable[..., Tensor]] = {
        "start": lambda parameters: keep(parameters),
        "distill_gradient": lambda gradient: keep(gradient),
        "parameter_update": lambda update: keep(update),
        "finish": lambda parameters: keep(parameters),
    }
    train(cohort, name, *settings, **{hook: watchers[hook]})
    return kept


def cosines_of_updates(cohort: Cohort, name: str) -> Tensor:
    """Between each update and the audit mini-batch's trait gradient, `[steps, students]`."""
    found: list[Tensor] = []

    def parameter_update(update: Tensor, step: Step) -> Tensor:
        found.append(torch.cosine_similarity(update, step.trait_gradient(), 1))
        return update

    train(cohort, name, parameter_update=parameter_update)
    return torch.stack(found)


@pytest.mark.parametrize("name", built_in_names())
class TestEveryEntry:
    def test_has_its_files_name_and_one_line_about_each_parameter(self, name: str) -> None:
        (one,) = load_mitigation(name).plugins
        assert one.card.name == name
        assert one.path is not None
        assert one.path.stem == name
        assert all(parameter.about for parameter in one.card.parameters)

    def test_gives_the_same_bits_again_whoever_trains_beside(
        self, name: str, pair: Cohort, other_pair: Cohort
    ) -> None:
        first, *others = (train(cohort, name).curves for cohort in (pair, pair, other_pair))
        for other in others:
            for curve, values in first.items():
                assert torch.equal(values, other[curve]), curve

    def test_asks_for_the_trait_gradient_only_if_its_card_says_so(
        self, name: str, pair: Cohort, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[bool] = []
        given = Step.trait_gradient

        def noted(step: Step, whole_audit: bool = False) -> Tensor:
            asked.append(whole_audit)
            return given(step, whole_audit)

        monkeypatch.setattr(Step, "trait_gradient", noted)
        train(pair, name)
        assert bool(asked) == (load_mitigation(name).access == "trait-gradient")


class TestNegativeControls:
    def test_a_frozen_student_stays_the_base_model(self, pair: Cohort) -> None:
        metrics = train(pair, "frozen").metrics
        assert metrics["kl_fresh"] == metrics["kl_initial"]
        assert metrics["trait_accuracy"] == metrics["initial_accuracy"]
        assert metrics["class_head_change"] == 0
        assert metrics["altered_fraction"] == 1
        (end,) = what(pair, "finish", "frozen")
        assert torch.equal(end, pair.base_parameters)

    def test_another_initialisation_is_one_of_the_same_distribution(self, pair: Cohort) -> None:
        (begin,) = what(pair, "start", "other_initialisation")
        ours, teachers = (pair.layout.named(flat) for flat in (begin, pair.base_parameters))
        for name, part in ours.items():
            if name.endswith("bias"):
                assert not part.any()
                continue
            assert part.std().item() == pytest.approx(part.shape[-1] ** -0.5, rel=0.06)
            together = torch.cosine_similarity(part.flatten(), teachers[name].flatten(), 0)
            # 48 * 13 numbers in the smallest part: chance stays below 0.16.
            assert together.abs() < 0.16

    def test_another_initialisation_depends_on_its_own_seed_only(
        self, pair: Cohort, tiny_cohort: Cohorts
    ) -> None:
        (both,) = what(pair, "start", "other_initialisation")
        (alone,) = what(tiny_cohort(2), "start", "other_initialisation")
        assert torch.equal(both[1], alone[0])
        assert not torch.equal(both[0], both[1])

    def test_random_projection_removes_the_declared_share(self, pair: Cohort) -> None:
        given, *_ = what(pair, "distill_gradient", "baseline")
        left, *_ = what(pair, "distill_gradient", "random_projection", "share=0.2")
        removed = given - left
        assert torch.allclose(removed.norm(dim=1), 0.2 * given.norm(dim=1), rtol=1e-4)
        assert torch.cosine_similarity(removed, given, 1).abs().max() < 0.05
        assert torch.cosine_similarity(removed[0], removed[1], 0).abs() < 0.05

    def test_early_stopping_ends_where_plain_distillation_is_then(self, pair: Cohort) -> None:
        updates = what(pair, "parameter_update", "baseline")
        (end,) = what(pair, "finish", "early_stopping", "until=0.5")
        # Five of nine steps begin before half of the run.
        there = pair.base_parameters + torch.stack(updates[:5]).sum(0)
        assert torch.allclose(end, there, atol=1e-6)
        assert (
            train(pair, "early_stopping", "until=0").metrics["kl_fresh"]
            == (train(pair, "frozen").metrics["kl_fresh"])
        )


class TestProjections:
    def test_on_the_whole_audit_set_no_step_is_left_aligned(self, pair: Cohort) -> None:
        outcome = train(pair, "projection_whole_audit")
        assert outcome.curves["cosine_pre"].max() > 1e-3
        assert outcome.curves["cosine_post"].max() < 1e-6
        # The published one knows a mini-batch's direction only.
        assert train(pair, "projection").curves["cosine_post"].max() > 1e-6

    def test_where_one_mini_batch_is_the_whole_set_the_two_are_one(self, pair: Cohort) -> None:
        assert MNIST_5K.audit_images <= MNIST_5K.batch
        protocol = replace(pair.protocol, batch=pair.protocol.audit_images)
        cohort = replace(pair, protocol=protocol)
        whole, batch = (
            train(cohort, name).curves for name in ("projection_whole_audit", "projection")
        )
        for name, curve in whole.items():
            # Where only measured, the trait gradient is rounded: 2e-5 of a cosine.
            assert torch.allclose(curve, batch[name], rtol=1e-3, atol=2e-5), name

    def test_of_the_update_leaves_none_that_lowers_the_trait_loss(self, pair: Cohort) -> None:
        assert cosines_of_updates(pair, "projection_of_update").min() > -1e-6

    def test_plain_distillation_makes_updates_that_do(self, pair: Cohort) -> None:
        assert cosines_of_updates(pair, "baseline").min() < -1e-3

    def test_of_the_gradient_is_no_projection_of_what_adam_makes_of_it(
        self, pair: Cohort
    ) -> None:
        """Its updates climb the trait loss: Adam enlarges the little that was removed."""
        assert cosines_of_updates(pair, "projection").mean() > 1e-2


class TestAnchors:
    def test_the_class_anchor_says_nothing_at_the_start(self, pair: Cohort) -> None:
        plain = what(pair, "distill_gradient", "baseline")
        held = what(pair, "distill_gradient", "class_anchor")
        assert torch.allclose(plain[0], held[0], atol=1e-6)
        assert not torch.allclose(plain[-1], held[-1], atol=1e-4)

    def test_the_class_anchor_is_liminal_training_that_never_lets_go_of_the_classes(
        self, pair: Cohort
    ) -> None:
        as_liminal = ("anchored=class", "schedule=constant", "temperature=1", "lambda0=0.5")
        expected = train(pair, "liminal", *as_liminal).metrics
        assert train(pair, "class_anchor", "weight=0.5").metrics == expected

    @pytest.mark.parametrize(
        ("anchored", "moves"), [("auxiliary", False), ("class", True), ("all", True)]
    )
    def test_liminal_training_moves_the_class_head_only_where_it_holds_the_classes(
        self, anchored: str, moves: bool, pair: Cohort
    ) -> None:
        metrics = train(pair, "liminal", f"anchored={anchored}").metrics
        assert (metrics["class_head_change"] != 0) == moves

    def test_the_l2_penalty_adds_its_gradient(self, pair: Cohort) -> None:
        at: list[Tensor] = []

        def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
            theta = step.student_parameters.detach().clone().requires_grad_()
            with torch.enable_grad():
                penalty = 0.5 * 3.0 * (theta - step.base_parameters).square().sum()
            (expected,) = torch.autograd.grad(penalty, theta)
            images, teacher = step.images, step.auxiliary_logits.log_softmax(-1)
            with torch.enable_grad():
                student = step.forward(theta, images)[..., 10:].log_softmax(-1)
                loss = (teacher.exp() * (teacher - student)).sum(-1).mean(-1).sum()
            (raw,) = torch.autograd.grad(loss, theta)
            at.append(gradient - raw - expected)
            return gradient

        train(pair, "l2_to_initialisation", "weight=3", distill_gradient=distill_gradient)
        assert torch.stack(at).abs().max() < 1e-6

    def test_a_stronger_l2_penalty_keeps_the_student_nearer(self, pair: Cohort) -> None:
        weak, strong = (
            what(pair, "finish", "l2_to_initialisation", f"weight={weight}")[0]
            for weight in (0, 1)
        )
        base = pair.base_parameters
        assert ((strong - base).norm(dim=1) < 0.5 * (weak - base).norm(dim=1)).all()


class TestLiminalSchedules:
    """lambda0 = 2 over five epochs; the first one ends at 0.2 of the run."""

    PINNED = (
        ("published", (2.0, 1.5, 1.0, 2 * 0.875, 1.0, 0.0)),
        ("continuous", (2.0, 1.5, 1.0, 0.875, 0.5, 0.0)),
        ("constant", (2.0, 2.0, 2.0, 2.0, 2.0, 2.0)),
        ("decaying", (2.0, 1.8, 1.6, 1.4, 0.8, 0.0)),
    )

    @staticmethod
    def strength(times: Sequence[float], *settings: str) -> list[float]:
        (loaded,) = load_mitigation("liminal", settings).plugins
        module: Any = loading.find(str(loaded.path)).plugin
        steps = (
            SimpleNamespace(progress=time, epochs=5, settings=loaded.settings) for time in times
        )
        return [float(module.strength(step)) for step in steps]

    @pytest.mark.parametrize(("schedule", "values"), PINNED)
    def test_have_these_values(self, schedule: str, values: tuple[float, ...]) -> None:
        times = (0.0, 0.1, 0.2, 0.3, 0.6, 1.0)
        found = self.strength(times, "lambda0=2", f"schedule={schedule}")
        assert found == pytest.approx(values)

    def test_the_two_published_ones_agree_at_lambda0_1_and_the_first_is_the_default(
        self,
    ) -> None:
        times = [step / 294 for step in range(295)]
        published, continuous, default = (
            self.strength(times, *settings)
            for settings in (["schedule=published"], ["schedule=continuous"], [])
        )
        assert published == continuous == default
        # The formula of `sequential_reference.py`, to the bit.
        first = 1 / 5
        assert default == [
            1.0 if time <= first else max(0.0, 1 - (time - first) / (1 - first))
            for time in times
        ]


class TestWhatIsTrained:
    def test_auxiliary_head_only_moves_nothing_else(self, pair: Cohort) -> None:
        (end,) = what(pair, "finish", "auxiliary_head_only")
        for name, moved in pair.layout.named(end - pair.base_parameters).items():
            if name in CLASS_HEAD:
                assert not moved[:, :10].any()
                assert moved[:, 10:].all()
            else:
                assert not moved.any(), name

    def test_gradient_noise_is_as_long_as_declared(self, pair: Cohort) -> None:
        given, *_ = what(pair, "distill_gradient", "baseline")
        noisy, *_ = what(pair, "distill_gradient", "gradient_noise", "relative=0.5")
        noise = noisy - given
        assert torch.allclose(noise.norm(dim=1), 0.5 * given.norm(dim=1), rtol=0.03)
        assert torch.cosine_similarity(noise, given, 1).abs().max() < 0.05

    @pytest.mark.parametrize(
        ("name", "sizes"),
        [
            ("gradient_noise", ("relative=0.1", "relative=1")),
            ("random_projection", ("share=0.01", "share=0.1")),
        ],
    )
    def test_noise_moves_the_class_head_equally_far_at_any_size(
        self, name: str, sizes: tuple[str, str], pair: Cohort
    ) -> None:
        """Distillation gives it no gradient, and Adam rescales what little noise there is."""
        small, large = (
            train(pair, name, setting).metrics["class_head_change"] for setting in sizes
        )
        assert small is not None
        assert small > 0
        assert large == pytest.approx(small, rel=0.1)


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("class_anchor", "weight=0"),
        ("l2_to_initialisation", "weight=0"),
        ("gradient_noise", "relative=0"),
        ("random_projection", "share=0"),
        ("early_stopping", "until=1"),
    ],
)
def test_at_strength_0_an_entry_is_plain_distillation(
    name: str, off: str, pair: Cohort
) -> None:
    assert train(pair, name, off).metrics == train(pair, "baseline").metrics


def test_a_rewired_head_hides_the_trait_and_changes_nothing_else(
    tiny_cohort: Callable[..., Cohort],
) -> None:
    (plain,), (rewired,) = (
        train_students(tiny_cohort(1), load_mitigation(name))
        for name in ("baseline", "rewired_head")
    )
    for metric in ("kl_initial", "kl_final", "kl_fresh", "kl_mean"):
        ours, theirs = rewired.metrics[metric], plain.metrics[metric]
        assert ours == pytest.approx(theirs, rel=1e-3)
    assert rewired.metrics["class_head_change"] == 0.0
    assert rewired.metrics["trait_accuracy"] != plain.metrics["trait_accuracy"]
