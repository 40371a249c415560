"""The time that hooks add to a step: hooks that change nothing, and isolated hooks.

It includes their calls and checks, the gradient of the returned loss, and the alignment after
the hooks. It does not include the start of a process, which happens once per cohort.
"""

from pathlib import Path
from unittest import mock

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from benchmarks.canonical import PROTOCOL, steps_of
from benchmarks.conftest import Compare
from subliminal_bench.mitigation.isolation.proxy import load_isolated
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from tests.support.mitigation_files import GRADIENT, LOSS, hook, source
from tests.support.plugins_for_tests import mitigation


def same_loss(loss: Tensor) -> Tensor:
    return loss


def same_gradient(gradient: Tensor) -> Tensor:
    return gradient


def test_identity_hooks_at_every_step(compare: Compare, cohort: Cohort) -> None:
    compare(
        "step without / with both hooks",
        reference=steps_of(cohort, mitigation()),
        ours=steps_of(
            cohort, mitigation(distill_loss=same_loss, distill_gradient=same_gradient)
        ),
        rounds=6,
        steps=PROTOCOL.student_steps,
        adds="identity hooks add to a step",
    )


BOTH_HOOKS = source(hook(LOSS, "return loss"), hook(GRADIENT, "return gradient"))


@pytest.mark.parametrize("name", ["identity hooks", "liminal", "projection"])
def test_a_process_of_its_own(
    name: str, compare: Compare, cohort: Cohort, tmp_path: Path
) -> None:
    spec = name
    if name == "identity hooks":
        spec = str(tmp_path / "identity.py")
        Path(spec).write_text(BOTH_HOOKS)
    apart = load_isolated(spec)
    process = apart.launcher.started()
    # One process for all rounds, so that its start is not measured.
    with (
        mock.patch.object(apart.launcher, "started", return_value=process),
        mock.patch.object(process, "close"),
    ):
        compare(
            f"{name}: in process / isolated",
            reference=steps_of(cohort, load_mitigation(spec)),
            ours=steps_of(cohort, apart),
            rounds=6,
            steps=PROTOCOL.student_steps,
            adds=f"{name}: isolation adds to a step",
        )
    process.close()


def test_starting_a_process(benchmark: BenchmarkFixture) -> None:
    benchmark.pedantic(lambda: load_isolated("baseline"), rounds=5)
