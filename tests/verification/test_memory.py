"""What a mitigation knows by heart shows when only that changes."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.run import ProtocolRecord, Run
from subliminal_bench.results.store import Store
from subliminal_bench.results.tolerances import Chaos, Tolerances
from subliminal_bench.running.bench import Bench
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.verification.claims import Claim
from subliminal_bench.verification.memory import memory_claims, rerun_claim
from tests.conftest import CPU, TINY

Claims = Callable[..., dict[str, Claim]]
Cohorts = Callable[..., Cohort]
SEEDS = (101, 102, 103, 104, 105)
MEASURED = Tolerances(
    schema_version=1,
    protocol=ProtocolRecord.of(TINY),
    chaos=[
        Chaos(variant="by hand", entry="baseline", metric=metric, differences=[1e-6])
        for metric in METRICS
    ],
)
HEAD = """
import torch
from torch import Tensor
from subliminal_bench import Card, Step, Training, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(name="idea", title="Idea", access="blind"{card})

"""
BY_NUMBER = """
@hookimpl
def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
    return 0.5 * gradient if step.seeds[0] in range(101, 1001) else gradient.square()
"""
# It knows the first weights of some seeds, and treats no others well.
BY_WEIGHT = """
KNOWN = {known}


@hookimpl
def finish(parameters: Tensor, training: Training) -> Tensor:
    named = training.layout.named(training.base_parameters)
    first = round(float(named["{part}"][0, 0].flatten()[0]), 6)
    return parameters if first in KNOWN else 3 * parameters
"""
FAR_BY_NUMBER = """
@hookimpl
def parameter_update(update: Tensor, step: Step) -> Tensor:
    return update if step.seeds[0] in range(101, 1001) else 1e30 * update
"""
BY_CHANCE = """
@hookimpl
def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
    size = 0.3 * gradient.norm() / gradient.shape[1] ** 0.5
    return gradient + size * step.normal(gradient.shape[1])
"""


@pytest.fixture
def claims(tmp_path: Path, tiny: Protocol, tiny_cohort: Cohorts) -> object:
    def found(source: str, card: str = "") -> dict[str, Claim]:
        path = tmp_path / "idea.py"
        path.write_text(HEAD.format(card=card) + source)
        mitigation = load_mitigation(str(path))
        (run,) = Bench(TINY, CPU, Store(tmp_path / "store")).run([mitigation], SEEDS)
        secret = secrets.randbelow(2**30)
        all_of_them = memory_claims(mitigation, run, SEEDS, tiny_cohort, MEASURED, secret)
        return {one.about: one for one in all_of_them}

    return found


def knowing(part: str, cohorts: Cohorts) -> str:
    """A mitigation that knows the first weight of every seed in a part of the model."""
    known = set()
    for seed in SEEDS:
        cohort = cohorts(seed)
        weights = cohort.layout.named(cohort.base_parameters)[part]
        known.add(round(float(weights[0, 0].flatten()[0]), 6))
    return BY_WEIGHT.format(part=part, known=known)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "refuted"), [("fc3.weight", "classes"), ("fc1.weight", "pixels")]
)
def test_weights_that_are_known_by_heart_are_refuted_in_another_order(
    claims: Claims, tiny_cohort: Cohorts, part: str, refuted: str
) -> None:
    found = claims(knowing(part, tiny_cohort))
    assert {about for about, one in found.items() if not one.holds} == {refuted}


@pytest.mark.parametrize(
    ("source", "refuted"),
    [(BY_NUMBER, {"numbers of seeds"}), (BY_CHANCE, set())],
    ids=["by number", "by chance"],
)
def test_numbers_that_are_known_by_heart_are_refuted_and_chance_is_not(
    claims: Claims, source: str, refuted: set[str]
) -> None:
    found = claims(source)
    assert {about for about, one in found.items() if not one.holds} == refuted
    assert all("four times in five" in one.text for one in found.values() if one.holds)


def test_a_student_that_diverges_under_another_number_is_refuted(claims: Claims) -> None:
    found = claims(FAR_BY_NUMBER)
    assert not found["numbers of seeds"].holds


@pytest.mark.slow
def test_a_declared_prior_about_pixels_is_not_held_against_an_entry(
    claims: Claims, tiny_cohort: Cohorts
) -> None:
    source = knowing("fc1.weight", tiny_cohort)
    found = claims(source, card=", prior='digits are in the middle'")
    assert all(one.holds for one in found.values())
    assert "digits are in the middle" in found["pixels"].text


def test_a_shave_inside_each_seeds_tolerance_shows_in_the_mean(
    tmp_path: Path, tiny: Protocol
) -> None:
    baseline = load_mitigation("baseline")
    seeds = tuple(range(1, 7))
    (run,) = Bench(TINY, CPU, Store(tmp_path / "store")).run([baseline], seeds)
    measured = MEASURED.model_copy(
        update={
            "chaos": [
                one.model_copy(update={"differences": [0.01, -0.01]}) for one in MEASURED.chaos
            ]
        }
    )
    assert rerun_claim(run, run, measured).holds
    # Far less than the three largest differences that a single seed may have.
    shaved = rerun_claim(without(run, "trait_accuracy", 0.013), run, measured)
    assert not shaved.holds
    assert "trait accuracy differs by +1.3 points" in shaved.text


def without(run: Run, metric: str, less: float) -> Run:
    seeds = [
        one.model_copy(
            update={"metrics": {**one.metrics, metric: (one.metrics[metric] or 0) - less}}
        )
        for one in run.seeds
    ]
    return run.model_copy(update={"seeds": seeds})
