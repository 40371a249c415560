"""A mitigation in a process of its own gives the same numbers, and reaches nothing else."""

import os
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import BenchmarkError, HookError, MitigationError
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.mitigation.isolation.proxy import load_isolated
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.student import train_students
from tests.gaming.evading import EVADES
from tests.support.broken import BROKEN
from tests.support.isolated import Cohorts, cases, isolated, same
from tests.support.mitigation_files import GRADIENT, LOSS, hook, source
from tests.support.plugins_for_tests import one_line, write

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs Unix")

OWN_LOSSES = {
    "parameters in the loss": hook(
        LOSS,
        "moved = step.student_parameters - step.base_parameters",
        "return loss + 0.5 * moved.square().sum(1)",
    ),
    "parameters alone": hook(
        LOSS, "return (step.student_parameters - step.base_parameters + 0.1).square().sum(1)"
    ),
    "a model of its own in the loss": hook(
        LOSS,
        "logits = step.forward(step.student_parameters, 0.5 * step.images)",
        "return loss + 1e-2 * logits[..., :10].square().mean((1, 2))",
    ),
    "gradient penalty": hook(
        LOSS,
        "(slope,) = torch.autograd.grad(",
        "    loss.sum(), step.student_parameters, create_graph=True)",
        "return loss + slope.square().sum(1)",
    ),
    "slope at the logits": hook(
        LOSS,
        "(slope,) = torch.autograd.grad(loss.sum(), student_logits, create_graph=True)",
        "return loss + slope.square().sum((1, 2))",
    ),
    "other targets": hook(
        "teacher_targets(targets, step)",
        "return targets + 0.1 * step.normal(*targets.shape[1:])",
    ),
    "other targets and a loss on them": hook("teacher_targets(targets)", "return 0.5 * targets")
    + hook(
        "distill_loss(loss, student_logits, targets)",
        "return loss + (student_logits[..., 10:] - targets).square().mean((1, 2))",
    ),
}


class TestSameNumbers:
    @pytest.mark.parametrize(
        "name", cases([*built_in_names(), "liminal+projection"], "liminal+projection")
    )
    def test_every_plugin_gives_the_same_bits_as_in_the_trainers_process(
        self, name: str, tiny_cohort: Cohorts
    ) -> None:
        cohort = tiny_cohort(1, 2)
        apart = train_students(cohort, load_isolated(name))
        assert same(apart, train_students(cohort, load_mitigation(name)))

    @pytest.mark.parametrize("name", cases(OWN_LOSSES, "parameters in the loss"))
    def test_a_loss_gives_the_same_gradients(
        self, name: str, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        cohort = tiny_cohort(1, 2)
        apart = isolated(tmp_path, source(OWN_LOSSES[name]))
        (ours, _) = train_students(cohort, apart)
        together = load_mitigation(str(tmp_path / "idea.py"))
        (theirs, _) = train_students(cohort, together)
        assert (theirs.metrics["altered_fraction"] or 0) > 0.5
        torch.testing.assert_close(ours.parameters, theirs.parameters, rtol=0, atol=2e-5)
        first = [one.curves["inner_post"][0].item() for one in (ours, theirs)]
        assert first[0] == pytest.approx(first[1], rel=1e-5)

    @pytest.mark.slow
    def test_settings_reach_it_and_its_card_is_the_same(self) -> None:
        ours = load_isolated("liminal", ["temperature=3", "anchored=class"])
        theirs = load_mitigation("liminal", ["temperature=3", "anchored=class"])
        assert [one.card for one in ours.plugins] == [one.card for one in theirs.plugins]
        assert [one.hooks for one in ours.plugins] == [one.hooks for one in theirs.plugins]
        assert ours.same_as(theirs)
        assert (ours.changed, ours.access) == (theirs.changed, theirs.access)

    @pytest.mark.slow
    def test_what_it_keeps_does_not_reach_the_next_cohort(
        self, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        apart = isolated(tmp_path, BROKEN["runs counted in a global"].source)
        first, second = (train_students(tiny_cohort(1), apart) for _ in range(2))
        assert same(first, second)


class TestLoading:
    @pytest.mark.parametrize(
        ("before", "said"),
        [
            pytest.param("import os\n\nos._exit(7)\n", "exit code 7", id="os._exit"),
            pytest.param(
                "import os\n\nos.system('true')\n",
                "may not start processes",
                marks=pytest.mark.slow,
                id="a program",
            ),
            pytest.param(
                "raise ValueError('no')\n",
                "ValueError: no",
                marks=pytest.mark.slow,
                id="raised",
            ),
        ],
    )
    def test_a_file_that_cannot_be_loaded_is_one_line(
        self, before: str, said: str, tmp_path: Path
    ) -> None:
        with pytest.raises(BenchmarkError) as caught:
            isolated(tmp_path, source(before=before))
        assert said in one_line(caught.value)

    @pytest.mark.parametrize("spec", ["no_such", "gone.py", "no.such.module:Thing"])
    def test_a_name_without_a_mitigation_says_the_same_as_in_process(self, spec: str) -> None:
        said = []
        for load in (load_isolated, load_mitigation):
            with pytest.raises(MitigationError) as caught:
                load(spec)
            said.append((type(caught.value), one_line(caught.value).partition(" named ")[0]))
        assert said[0] == said[1]

    @pytest.mark.slow
    def test_a_file_that_changes_between_cohorts_is_found_out(
        self, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        apart = isolated(tmp_path, source(hook(GRADIENT, "return gradient")))
        train_students(tiny_cohort(1), apart)
        isolated_path = tmp_path / "idea.py"
        write(isolated_path, source(hook(GRADIENT, "return 2 * gradient")))
        with pytest.raises(MitigationError, match="differs from load to load"):
            train_students(tiny_cohort(1), apart)


# Attempts that evade every check inside the trainer's process.
HARMLESS = (
    "images written through .data",
    "images written through numpy",
    "student written from a callback",
    "base model written from a callback",
    "another card at every load",
    "loss exchanged at the start and put back at the end",
    "accuracy exchanged at the end, putting itself back",
    "code of a function exchanged",
    "an inherited method shadowed",
    "a builtin shadowed in a module",
    "a builtin exchanged",
    "entries of the metrics exchanged",
    "a number of the verdict exchanged",
    "a number of the protocol exchanged",
    "a thread left running",
)

REFUSED = {
    "harness's own parameters written": "AttributeError",
    "labels written": "AttributeError",
    "learning rate written": "AttributeError",
    "trait gradient from the teacher's own digits": "AttributeError",
    "card rewritten once it is read": "which declares 'blind'",
    "the checks themselves exchanged": "returned dtype torch.float64",
}


class TestAttempts:
    @pytest.mark.parametrize("name", cases(HARMLESS, "code of a function exchanged"))
    def test_what_it_changes_in_its_process_changes_no_number(
        self, name: str, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        cohort = tiny_cohort(1)
        apart = train_students(cohort, isolated(tmp_path, EVADES[name][0]))
        assert same(apart, train_students(cohort, load_mitigation("baseline")))

    @pytest.mark.parametrize(
        "name", cases(REFUSED, "labels written", "card rewritten once it is read")
    )
    def test_what_it_reaches_for_is_not_there(
        self, name: str, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        apart = isolated(tmp_path, EVADES[name][0])
        with pytest.raises(HookError) as caught:
            train_students(tiny_cohort(1), apart)
        assert REFUSED[name] in one_line(caught.value)

    @pytest.mark.slow
    def test_its_hooks_cannot_be_called_here(self) -> None:
        (plugin,) = load_isolated("liminal").plugins
        with pytest.raises(AssertionError, match="isolated process"):
            plugin.manager.hook.distill_loss(
                loss=None, student_logits=None, targets=None, step=None
            )


def test_what_its_file_changes_when_it_is_loaded_is_known_here_too(tmp_path: Path) -> None:
    text = source(
        hook(GRADIENT, "return gradient"),
        before="torch.set_default_dtype(torch.float64)\n",
    )
    path = str(write(tmp_path / "sly.py", text))
    assert load_isolated(path).undone == load_mitigation(path).undone == ("default dtype",)
