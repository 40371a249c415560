"""Units that were moved or rescaled are found out; no training is taken for that."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from subliminal_bench.experiment import model
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.experiment.weight_parts import HIDDEN, PARTS
from subliminal_bench.mitigation.hooks import Step, Training
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import WeightChange
from subliminal_bench.training.student import final_parameters, train_students
from subliminal_bench.training.weight_change import Course, UpdateTally, weight_changes
from tests.conftest import CPU
from tests.support.plugins_for_tests import mitigation

NARROW = replace(MNIST_5K, hidden=64)
LAYOUT = model.layout(NARROW)
CLASSES = NARROW.classes
AFTER = {"layer1": "fc2", "layer2": "fc3"}
OWN = {"layer1": "fc1", "layer2": "fc2"}

SEEDS = st.integers(1, 10_000)
LAYERS = st.sampled_from(HIDDEN)
# Of plain distillation, layers move by a sixth of their size at most.
WALKS = st.floats(0.0, 0.4)


def began(seed: int) -> Tensor:
    return model.initial_parameters(NARROW, (seed,), CPU)


def walked(parameters: Tensor, far: float, seed: int) -> Tensor:
    """Every part moved by a share of its size, at random."""
    generator = torch.Generator().manual_seed(seed)
    moved = parameters.clone()
    for part in LAYOUT.named(moved).values():
        step = torch.randn(part.shape, generator=generator)
        part += far * step * part.norm() / step.norm()
    return moved


def permuted(parameters: Tensor, layer: str, share: float, seed: int) -> tuple[Tensor, float]:
    """Some units of a layer in a circle; also the share that has moved."""
    units = NARROW.hidden
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(units, generator=generator)[: max(2, round(share * units))]
    order = torch.arange(units)
    order[chosen] = chosen.roll(1)
    moved = parameters.clone()
    named = LAYOUT.named(moved)
    own, onwards = OWN[layer], AFTER[layer]
    for name in (f"{own}.weight", f"{own}.bias"):
        named[name][0] = named[name][0, order].clone()
    named[f"{onwards}.weight"][0] = named[f"{onwards}.weight"][0][:, order].clone()
    return moved, len(chosen) / units


def rescaled(parameters: Tensor, layer: str, factors: Tensor) -> Tensor:
    moved = parameters.clone()
    named = LAYOUT.named(moved)
    named[f"{OWN[layer]}.weight"].mul_(factors[:, None])
    named[f"{OWN[layer]}.bias"].mul_(factors)
    named[f"{AFTER[layer]}.weight"].div_(factors)
    return moved


def change(first: Tensor, last: Tensor, **known: Any) -> WeightChange:
    (found,) = weight_changes(LAYOUT, CLASSES, Course(first, last, **known))
    assert found is not None
    return found


def same_function(first: Tensor, last: Tensor) -> bool:
    images = torch.randn(20, NARROW.pixels, generator=torch.Generator().manual_seed(0))
    ours, theirs = (
        model.forward(LAYOUT, one.double(), images.double()) for one in (first, last)
    )
    return torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(SEEDS, LAYERS, st.floats(0.05, 1.0), WALKS)
def test_units_that_changed_places_are_counted(
    seed: int, layer: str, share: float, far: float
) -> None:
    trained = walked(began(seed), far, seed)
    moved, expected = permuted(trained, layer, share, seed)
    assert same_function(trained, moved)
    found = change(began(seed), moved)
    assert found.exchanged[layer] == pytest.approx(expected)
    (other,) = set(HIDDEN) - {layer}
    assert found.exchanged[other] == 0


@settings(max_examples=20, deadline=None)
@given(SEEDS, WALKS)
def test_units_of_both_layers_may_have_changed_places(seed: int, far: float) -> None:
    moved = walked(began(seed), far, seed)
    shares = {}
    for layer in HIDDEN:
        moved, shares[layer] = permuted(moved, layer, 0.7, seed)
    assert change(began(seed), moved).exchanged == pytest.approx(shares)


@settings(max_examples=40, deadline=None)
@given(
    SEEDS,
    LAYERS,
    st.floats(math.log(1.6), math.log(1e3)).flatmap(lambda one: st.sampled_from([one, -one])),
    st.floats(0.0, 0.2),
)
def test_rescaled_units_are_found_with_their_factor(
    seed: int, layer: str, size: float, far: float
) -> None:
    trained = walked(began(seed), far, seed)
    moved = rescaled(trained, layer, torch.full((NARROW.hidden,), math.exp(size)))
    assert same_function(trained, moved)
    found = change(began(seed), moved)
    assert found.rescaled[layer] == pytest.approx(math.exp(abs(size)), rel=0.1)
    (other,) = set(HIDDEN) - {layer}
    assert found.rescaled[other] < 1.1
    assert set(found.exchanged.values()) == {0.0}


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.floats(0.6, 3.0))
def test_units_of_both_layers_may_be_rescaled_each_in_its_way(seed: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    moved = began(seed)
    for layer in HIDDEN:
        factors = torch.randn(NARROW.hidden, generator=generator).mul(spread).exp()
        moved = rescaled(moved, layer, factors)
    found = change(began(seed), moved)
    # The median of a normal deviate's size is .67 of its spread.
    for layer in HIDDEN:
        assert found.rescaled[layer] > math.exp(0.3 * spread)
        assert found.rescaled_most[layer] > math.exp(spread)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.floats(1.6, 100.0), st.floats(0.0, 0.1), st.booleans())
@example(seed=3600, factor=3.0, far=0.1875, down=False)
def test_a_factor_that_passes_through_a_layer_unseen_is_found(
    seed: int, factor: float, far: float, down: bool
) -> None:
    """The first layer larger, the last one smaller, the weights between them as before."""
    size = 1 / factor if down else factor
    trained = walked(began(seed), far, seed)
    factors = torch.full((NARROW.hidden,), size)
    moved = rescaled(rescaled(trained, "layer1", factors), "layer2", factors)
    assert same_function(trained, moved)
    found = change(began(seed), moved)
    # The walk itself changes a small layer's weights by up to a tenth or so.
    assert min(found.rescaled.values()) == pytest.approx(factor, rel=0.2)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.floats(0.0, 2.0), st.floats(0.2, 5.0))
def test_a_walk_and_growth_as_a_whole_are_neither(seed: int, far: float, size: float) -> None:
    found = change(began(seed), size * walked(began(seed), far, seed))
    assert set(found.exchanged.values()) == {0.0}
    assert max(found.rescaled.values()) < 1.2


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, 63))
def test_units_without_weights_or_twins_of_others_are_neither(seed: int, many: int) -> None:
    first = began(seed)
    named = LAYOUT.named(first)
    named["fc1.weight"][0, :many] = 0
    named["fc2.weight"][0, :many] = named["fc2.weight"][0, many].clone()
    last = walked(first, 0.1, seed)
    LAYOUT.named(last)["fc2.weight"][0, :, : many // 2] = 0
    found = change(first, last)
    assert set(found.exchanged.values()) == {0.0}
    assert max(found.rescaled.values()) < 1.2


@given(SEEDS, st.lists(st.floats(0.01, 3.0), min_size=len(PARTS), max_size=len(PARTS)))
@settings(max_examples=20, deadline=None)
def test_updates_explain_what_follows_them_at_any_rate(seed: int, rates: list[float]) -> None:
    first = began(seed)
    update = walked(first, 0.1, seed) - first
    scaled = update.clone()
    named = LAYOUT.named(scaled)
    for name, rate in zip(("fc1", "fc2"), rates, strict=False):
        named[f"{name}.weight"].mul_(rate)
        named[f"{name}.bias"].mul_(rate)
    for name in ("fc3.weight", "fc3.bias"):
        named[name][:, :CLASSES].mul_(rates[2])
        named[name][:, CLASSES:].mul_(rates[3])
    tally = UpdateTally.empty(first)
    tally.add(update, scaled)
    found = change(first, first + scaled, stepped=first + scaled, tally=tally)
    assert found.unexplained == pytest.approx(0, abs=1e-6)
    other = walked(first, 0.1, seed + 1)
    assert change(first, other, stepped=first + update).unexplained == pytest.approx(
        1, abs=0.01
    )
    back = first - update
    assert change(first, back, stepped=first + update).unexplained == pytest.approx(1, abs=1e-6)


def test_what_only_the_steps_tell_is_not_told_by_weights() -> None:
    found = change(began(1), walked(began(1), 0.1, 1))
    assert (found.hook_updates, found.finish, found.unexplained) == (None, None, None)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_have_no_change(value: float) -> None:
    last = began(1)
    last[0, 5] = value
    assert weight_changes(LAYOUT, CLASSES, Course(began(1), last)) == [None]


Build = Callable[..., Cohort]


def trained(build: Build, one: Mitigation) -> WeightChange:
    (outcome,) = train_students(build(1), one)
    assert outcome.weight_change is not None
    return outcome.weight_change


def test_displacement_is_measured_from_what_start_returned(tiny_cohort: Build) -> None:
    def start(parameters: Tensor, training: Training) -> Tensor:
        return 2 * parameters

    def finish(parameters: Tensor, training: Training) -> Tensor:
        return 2 * training.base_parameters

    found = trained(tiny_cohort, mitigation(start=start, finish=finish))
    assert found.displacement == dict.fromkeys(PARTS, 0.0)
    assert found.finish == pytest.approx(0.5)
    assert found.unexplained == 0


def test_plain_distillation_is_explained_and_leaves_the_class_head(tiny_cohort: Build) -> None:
    found = trained(tiny_cohort, load_mitigation("baseline"))
    assert found.displacement["class_head"] == 0
    assert min(found.displacement[name] for name in PARTS if name != "class_head") > 0
    assert (found.hook_updates, found.finish) == (0, 0)
    assert found.unexplained == pytest.approx(0, abs=1e-9)


def test_halved_steps_are_a_hooks_doing_and_explained(tiny_cohort: Build) -> None:
    def parameter_update(update: Tensor, step: Step) -> Tensor:
        return 0.5 * update

    found = trained(tiny_cohort, mitigation(parameter_update=parameter_update))
    assert found.hook_updates == pytest.approx(1 / 3, rel=1e-6)
    assert found.unexplained == pytest.approx(0, abs=1e-6)
    assert found.finish == 0


def test_a_student_that_stands_still_has_nothing_unexplained(tiny_cohort: Build) -> None:
    found = trained(tiny_cohort, load_mitigation("frozen"))
    assert found.displacement == dict.fromkeys(PARTS, 0.0)
    assert (found.hook_updates, found.unexplained) == (0.5, 0)


def _turned(view: Training, parameters: Tensor) -> Tensor:
    """Units of the first layer in a circle, in every student."""
    moved = parameters.clone()
    named = view.named(moved)
    for name, along in (("fc1.weight", 1), ("fc1.bias", 1), ("fc2.weight", 2)):
        named[name].copy_(named[name].roll(1, along))
    return moved


def _turn_at_the_end(parameters: Tensor, training: Training) -> Tensor:
    return _turned(training, parameters)


def _turn_as_an_update(update: Tensor, step: Step) -> Tensor:
    if step.index < step.steps - 1:
        return update
    parameters = step.student_parameters
    return _turned(step, parameters + update) - parameters


def _turn_all_the_time(update: Tensor, step: Step) -> Tensor:
    parameters = step.student_parameters
    return _turned(step, parameters + update) - parameters


@pytest.mark.parametrize(
    "hooks",
    [
        {"finish": _turn_at_the_end},
        {"parameter_update": _turn_as_an_update},
        {"parameter_update": _turn_all_the_time},
    ],
    ids=["finish", "last update", "every update"],
)
def test_a_hook_that_permutes_units_is_found_out(
    hooks: dict[str, Callable[..., Tensor]], tiny_cohort: Build
) -> None:
    found = trained(tiny_cohort, mitigation(**hooks))
    assert found.exchanged == {"layer1": 1.0, "layer2": 0.0}
    assert found.unexplained is not None
    assert found.unexplained > 0.95


@pytest.mark.parametrize("entry", ["baseline", "class_shield", "stroke_anchor"])
def test_what_is_recorded_changes_no_bit_of_a_student(entry: str, tiny_cohort: Build) -> None:
    cohort = tiny_cohort(1, 2)
    outcomes = train_students(cohort, load_mitigation(entry))
    alone = final_parameters(cohort, load_mitigation(entry))
    assert all(
        torch.equal(one.parameters, row) for one, row in zip(outcomes, alone, strict=True)
    )


def test_a_diverged_student_has_no_change(tiny_cohort: Build) -> None:
    def parameter_update(update: Tensor, step: Step) -> Tensor:
        return update * 1e36

    (outcome,) = train_students(tiny_cohort(1), mitigation(parameter_update=parameter_update))
    assert outcome.diverged_at is not None
    assert outcome.weight_change is None


def test_a_student_has_the_change_that_it_has_in_a_cohort(tiny_cohort: Build) -> None:
    shield = load_mitigation("class_shield")
    alone, together = trained(tiny_cohort, shield), train_students(tiny_cohort(2, 1), shield)[1]
    assert together.weight_change is not None
    for field, value in vars(alone).items():
        assert getattr(together.weight_change, field) == pytest.approx(
            value, rel=1e-2, abs=1e-6
        )
