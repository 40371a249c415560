"""Every hook that passes a value on is dispatched by one table, isolated or not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import BenchmarkError, HookError
from subliminal_bench.experiment.objective import AuxiliaryLoss
from subliminal_bench.mitigation.calls import HookCalls
from subliminal_bench.mitigation.hooks import (
    HOOKS,
    PASSED,
    HookSpecifications,
    Passed,
    Training,
    hookspec,
)
from subliminal_bench.mitigation.isolation.proxy import load_isolated
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import final_parameters
from subliminal_bench.training.views import training_view
from tests.support.mitigation_files import hook, source
from tests.support.plugins_for_tests import write

EVERY_HOOK = (
    hook("start(parameters)", "return parameters + 0.001")
    + hook("teacher_targets(targets)", "return 0.9 * targets")
    + hook("distill_loss(loss)", "return 1.1 * loss")
    + hook("distill_gradient(gradient)", "return 0.7 * gradient")
    + hook("parameter_update(update)", "return 0.8 * update")
    + hook("finish(parameters)", "return 1.01 * parameters")
)


def test_every_hook_but_the_loss_is_in_the_table() -> None:
    assert set(PASSED) == set(HOOKS) - {"distill_loss"}


@pytest.mark.parametrize("name", PASSED)
def test_the_table_says_what_the_specification_says(name: str) -> None:
    arguments = getattr(HookSpecifications, name).__code__.co_varnames
    view = "step" if PASSED[name].every_step else "training"
    assert arguments[:3] == ("self", PASSED[name].argument, view)


def test_each_hook_does_the_same_isolated_and_not(
    tmp_path: Path, tiny_cohort: Callable[..., Cohort]
) -> None:
    path = write(tmp_path / "idea.py", source(EVERY_HOOK))
    cohort = tiny_cohort(1)
    here = final_parameters(cohort, load_mitigation(str(path)))
    apart = final_parameters(cohort, load_isolated(str(path)))
    assert torch.equal(here, apart)


def test_a_hook_that_is_in_no_table_is_an_error_and_not_another_hook(
    tmp_path: Path, tiny_cohort: Callable[..., Cohort]
) -> None:
    """Once, an unknown hook was answered by the chain of `parameter_update`."""
    path = write(tmp_path / "idea.py", source(EVERY_HOOK))
    cohort = tiny_cohort(1)
    training = training_view(cohort)
    loaded = load_mitigation(str(path))
    local = HookCalls(loaded.plugins, training, cohort.seeds)
    assert torch.equal(
        local.passed("later_hook", cohort.base_parameters, training), cohort.base_parameters
    )
    isolated = load_isolated(str(path))
    with isolated.begin(training, cohort.seeds, AuxiliaryLoss.of(cohort.protocol)) as asked:
        # As if this side knew a hook that the other side's table lacks.
        asked._hooks.add("later_hook")
        with pytest.raises(BenchmarkError, match=r"KeyError.*later_hook"):
            asked.passed("later_hook", cohort.base_parameters, training)


def test_a_new_hook_needs_its_specification_and_its_line_in_the_table_alone(
    tmp_path: Path, tiny_cohort: Callable[..., Cohort], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls, the checks and the loading look it up: none knows the names of hooks."""

    def later_hook(value: torch.Tensor, training: Training) -> torch.Tensor:
        raise AssertionError("a specification is never called")

    specification = hookspec(firstresult=True)(later_hook)
    monkeypatch.setattr(HookSpecifications, "later_hook", specification, raising=False)
    monkeypatch.setattr("subliminal_bench.mitigation.plugin.HOOKS", (*HOOKS, "later_hook"))
    monkeypatch.setitem(PASSED, "later_hook", Passed("value", "[students]", every_step=False))
    cohort = tiny_cohort(1)
    training = training_view(cohort)

    def passed(body: str) -> torch.Tensor:
        path = write(tmp_path / f"{len(body)}.py", source(hook("later_hook(value)", body)))
        with load_mitigation(str(path)).begin(
            training, cohort.seeds, AuxiliaryLoss(10)
        ) as asked:
            return asked.passed("later_hook", torch.ones(1), training)

    assert passed("return 2 * value").tolist() == [2.0]
    with pytest.raises(HookError, match="hook later_hook, seed 1: returned shape"):
        passed("return torch.ones(1, 2)")
