"""Readings are a property of the body: what only renames its units or its head moves none."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from subliminal_bench.experiment import model
from subliminal_bench.experiment.readers import READERS
from subliminal_bench.reading.evidence import Evidence
from subliminal_bench.reading.readings import read
from subliminal_bench.training.cohort import Cohort
from tests.conftest import TINY

LAYOUT = model.layout(TINY)
BODY = [name for name, reader in READERS.items() if not reader.expressed]
Change = Callable[[dict[str, Tensor]], None]


@pytest.fixture(scope="module")
def cohort(tiny_cohort: Callable[..., Cohort]) -> Cohort:
    return tiny_cohort(1)


@pytest.fixture(scope="module")
def evidence(cohort: Cohort) -> Evidence:
    return cohort.evidence(0)


def changed(parameters: Tensor, change: Change) -> Tensor:
    """A copy of some parameters `[1, parameters]`, in float64, whose parts were changed."""
    copy = parameters.double().clone()
    change({name: part[0] for name, part in LAYOUT.named(copy).items()})
    return copy[0]


def permute(parts: dict[str, Tensor]) -> None:
    for layer, following in ((1, 2), (2, 3)):
        order = torch.randperm(TINY.hidden, generator=torch.manual_seed(layer))
        for name in ("weight", "bias"):
            parts[f"fc{layer}.{name}"].copy_(parts[f"fc{layer}.{name}"][order].clone())
        weight = parts[f"fc{following}.weight"]
        weight.copy_(weight[:, order].clone())


def rescale(parts: dict[str, Tensor]) -> None:
    for layer, following in ((1, 2), (2, 3)):
        factor = torch.logspace(-3, 3, TINY.hidden, dtype=torch.float64)
        parts[f"fc{layer}.weight"].mul_(factor[:, None])
        parts[f"fc{layer}.bias"].mul_(factor)
        parts[f"fc{following}.weight"].div_(factor)


def rewire(parts: dict[str, Tensor]) -> None:
    parts["fc3.weight"][: TINY.classes] = parts["fc3.weight"][: TINY.classes].flip(0).clone()
    parts["fc3.bias"][: TINY.classes] = torch.arange(TINY.classes).double()


@pytest.mark.parametrize("change", [permute, rescale])
def test_renamed_and_rescaled_units_read_the_same(
    change: Change, cohort: Cohort, evidence: Evidence
) -> None:
    before = read(evidence, cohort.teacher_parameters[0])
    after = read(evidence, changed(cohort.teacher_parameters, change))
    for name in READERS.keys() & before.keys():
        assert after[name] == before[name], name
    assert torch.isclose(after["noise_fit"], before["noise_fit"])


def test_a_head_that_was_rewired_moves_no_reader_of_the_body(
    cohort: Cohort, evidence: Evidence
) -> None:
    before = read(evidence, cohort.teacher_parameters[0])
    after = read(evidence, changed(cohort.teacher_parameters, rewire))
    assert all(after[name] == before[name] for name in BODY)
    assert after["expressed_meanfree"] < before["expressed_meanfree"]


def test_a_dead_body_reads_as_chance_and_a_diverged_one_raises_nothing(
    cohort: Cohort, evidence: Evidence
) -> None:
    dead = read(evidence, torch.zeros(LAYOUT.parameters))
    assert all(abs(float(dead[name]) - 0.1) < 0.06 for name in BODY)
    for value in (float("nan"), float("inf"), 1e30):
        read(evidence, torch.full((LAYOUT.parameters,), value))


def test_rare_heavy_units_do_not_blind_the_head_that_is_fitted_on_noise(
    cohort: Cohort, evidence: Evidence
) -> None:
    def add_rare(parts: dict[str, Tensor]) -> None:
        # Each fires on a few noise images only, and hugely.
        for unit in range(8):
            parts["fc2.weight"][unit] *= 1e4
            parts["fc2.bias"][unit] = -3.5e4

    before = read(evidence, cohort.teacher_parameters[0])
    after = read(evidence, changed(cohort.teacher_parameters, add_rare))
    assert after["latent_accuracy"] > before["latent_accuracy"] - 0.1


def test_the_teacher_reads_higher_than_the_untrained_model(cohort: Cohort) -> None:
    (found,) = cohort.readings_of_untrained
    for name in BODY:
        assert found[f"{name}_teacher"] > found[f"{name}_initial"], name
    assert found["noise_fit_teacher"] > 0.99 > found["noise_fit_initial"]
    assert torch.isclose(found["cka_teacher"], torch.ones(()).double())


def test_every_reading_is_of_one_of_the_evidences_kinds(evidence: Evidence) -> None:
    assert {reader.rendering for reader in READERS.values()} == {"raw", *evidence.test}
    assert all(images.dtype == torch.float64 for images in evidence.test.values())
    assert evidence.targets.mean(1).abs().max() < 1e-12
