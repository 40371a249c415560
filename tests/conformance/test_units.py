"""Hidden units that a hook permutes or rescales are a finding that fails nothing."""

from pathlib import Path

import pytest

from benchmarks.recipes import RECIPES
from subliminal_bench import conformance
from subliminal_bench.conformance import CHECKS, State, text
from subliminal_bench.conformance.as_tests import hold
from subliminal_bench.conformance.small import students
from subliminal_bench.conformance.subject import Subject
from subliminal_bench.conformance.units import units_out_of_place
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.scoring.weight_marks import unit_marks
from tests.support.checked import SECRET
from tests.support.mitigation_files import UPDATE, hook, source
from tests.support.plugins_for_tests import mitigation, write
from tests.support.terminal import Terminal

ONLY = "units_in_place"
PERMUTES = hook(
    "finish(parameters, training)",
    "named = training.named(parameters)",
    "for name, along in (('fc2.weight', 1), ('fc2.bias', 1), ('fc3.weight', 2)):",
    "    named[name].copy_(named[name].roll(1, along))",
    "return parameters",
)
RESCALES = hook(
    UPDATE,
    "changed = step.student_parameters + update",
    "named = step.named(changed)",
    "for name, factor in (('fc1.weight', 1.2), ('fc1.bias', 1.2), ('fc2.weight', 1 / 1.2)):",
    "    named[name].mul_(factor)",
    "return changed - step.student_parameters",
)


def result(path: Path) -> conformance.Result:
    (found,) = conformance.check(str(path), only=[ONLY], secret=SECRET)
    return found


@pytest.mark.parametrize(
    ("hooks", "said"),
    [
        (PERMUTES, "of the units of its second layer were permuted"),
        (RESCALES, "half of the units of its first layer or more were rescaled, 5.2 times"),
    ],
    ids=["permuted", "rescaled a little in every step"],
)
def test_what_no_training_does_to_units_is_marked(
    hooks: str, said: str, tmp_path: Path
) -> None:
    found = result(write(tmp_path / "sly.py", source(hooks)))
    assert found.state is State.MARKED
    assert found.good
    assert said in found.detail


def test_a_mark_has_claim_finding_and_reason_and_exit_code_0(
    type_in: Terminal, tmp_path: Path
) -> None:
    path = write(tmp_path / "sly.py", source(PERMUTES))
    done = type_in("check", path, "--only", ONLY)
    assert done.code == 0
    assert done.out.startswith(f"mark  {ONLY}\n")
    said = " ".join(done.out.split())
    for part in (CHECKS[ONLY].claim, CHECKS[ONLY].why, CHECKS[ONLY].fix):
        assert part in said
    assert "% of the units of its second layer were permuted why:" in said
    assert said.endswith("1 marked")


def test_a_mark_may_be_declared_as_any_finding_may(tmp_path: Path) -> None:
    path = write(tmp_path / "sly.py", source(PERMUTES))
    why = {ONLY: "it sorts its units"}
    (declared,) = conformance.check(str(path), only=[ONLY], expected_failures=why)
    assert declared.state is State.EXPECTED
    (undue,) = conformance.check("baseline", only=[ONLY], expected_failures=why)
    assert not undue.good


def test_as_a_test_a_mark_is_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "sly.py", source(PERMUTES))
    subject = Subject(str(path))
    with pytest.warns(UserWarning, match=r"units_in_place: \d+ % of the units"):
        hold(CHECKS[ONLY], subject)


@pytest.mark.parametrize("name", built_in_names())
def test_no_plugin_that_ships_is_marked(name: str) -> None:
    (found,) = conformance.check(name, only=[ONLY], secret=SECRET)
    assert found.state is State.PASSED, text.line(found)


@pytest.mark.parametrize("name", RECIPES)
def test_no_honest_recipe_is_marked(name: str) -> None:
    for outcome in students(mitigation(**RECIPES[name]), 1, 2):
        found = outcome.weight_change
        assert found is None or unit_marks(found.exchanged, found.rescaled) == []


def test_where_every_student_diverges_there_is_nothing_to_find(tmp_path: Path) -> None:
    path = write(tmp_path / "huge.py", source(hook(UPDATE, "return update * 1e36")))
    assert units_out_of_place(Subject(str(path))) is None


def test_a_file_that_ends_the_process_is_never_only_marked(tmp_path: Path) -> None:
    path = write(tmp_path / "gone.py", source(hook(UPDATE, "raise SystemExit")))
    assert not result(path).good
