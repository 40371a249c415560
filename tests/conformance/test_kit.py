"""The conformance kit: every kind of fault fails at the check that names it, and no other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from subliminal_bench import conformance, shipped
from subliminal_bench.conformance import CHECKS, State
from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.card import ACCESS_LEVELS, Access
from tests.support.broken import BROKEN, HONEST
from tests.support.checked import BY_HEART, QUICK, SECRET, failed
from tests.support.mitigation_files import LOSS, UPDATE, hook, source
from tests.support.plugins_for_tests import one_line, write


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Digits and teachers once, for all the copies of this process."""
    list(conformance.check("baseline", only=QUICK, secret=SECRET))


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """What the checks find in each broken mitigation, once."""
    folder, kept = tmp_path_factory.mktemp("broken"), dict[str, dict[str, str]]()

    def found(name: str) -> dict[str, str]:
        if name not in kept:
            path = write(folder / f"broken_{len(kept)}.py", BROKEN[name].source)
            kept[name] = failed(path)
        return kept[name]

    return found


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_named_by_its_check(
    name: str, findings: Callable[[str], dict[str, str]]
) -> None:
    found = findings(name)
    assert set(BROKEN[name].fails) <= found.keys()
    assert BROKEN[name].said in found[BROKEN[name].fails[0]]


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_fails_no_check_that_does_not_name_it(
    name: str, findings: Callable[[str], dict[str, str]]
) -> None:
    assert findings(name).keys() == set(BROKEN[name].fails)


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_twin_passes(name: str, tmp_path: Path) -> None:
    assert failed(write(tmp_path / "honest.py", source(HONEST[name]))) == {}


SHIPPED = sorted(path.stem for path in shipped.folder("plugins").glob("*.py"))
# One of every access level.
EVERY_LEVEL = ("baseline", "projection", "class_shield", "liminal")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in EVERY_LEVEL else [pytest.mark.slow])
        for name in SHIPPED
    ],
)
def test_what_ships_passes_every_quick_check(name: str) -> None:
    results = list(conformance.check(name, only=QUICK, secret=SECRET))
    assert [one.detail for one in results if not one.good] == []
    skipped = {one.check.name for one in results if one.state is State.SKIPPED}
    assert skipped <= {"blind"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "random_projection" else [pytest.mark.slow])
        for name in SHIPPED
    ],
)
def test_what_ships_knows_nothing_by_heart(name: str) -> None:
    (result,) = conformance.check(name, only=[BY_HEART], secret=SECRET)
    assert result.state is State.PASSED, result.detail


def test_a_check_that_a_fault_keeps_from_an_answer_says_which(tmp_path: Path) -> None:
    path = write(tmp_path / "sum.py", BROKEN["mean over students"].source)
    (result,) = conformance.check(str(path), only=["blind"], secret=SECRET)
    assert not result.good
    assert (result.state, result.detail) == (State.UNTOLD, "while right_shapes fails")


@pytest.mark.parametrize("access", ACCESS_LEVELS)
def test_one_that_asks_for_more_than_it_declares_is_told(
    access: Access, tmp_path: Path
) -> None:
    asking = hook(LOSS, "return loss * (1 + step.teacher_logits[..., :10].std((1, 2)))")
    path = write(tmp_path / "idea.py", source(asking, card=f"Card('idea', 'Idea', {access!r})"))
    within, blind = conformance.check(str(path), only=["within_access", "blind"], secret=SECRET)
    if access == "blind":
        assert (within.state, blind.state) == (State.FAILED, State.UNTOLD)
        assert "needs access level 'teacher-classes'" in within.detail
        assert blind.detail == "while within_access fails"
        return
    assert within.state is State.PASSED
    # An oracle alone may see what is computed from labels.
    assert blind.state is (State.PASSED if access == "teacher-classes" else State.SKIPPED)


class TestDeclaredFailures:
    def test_one_that_fails_is_fine(self, tmp_path: Path) -> None:
        path = write(tmp_path / "idle.py", source())
        (result,) = conformance.check(
            str(path), only=["has_hooks"], expected_failures={"has_hooks": "a control"}
        )
        assert result.good
        assert (result.state, result.detail) == (State.EXPECTED, "a control")

    def test_one_that_passes_is_not(self) -> None:
        (result,) = conformance.check(
            "frozen", only=["has_hooks"], expected_failures={"has_hooks": "a control"}
        )
        assert not result.good
        assert result.state is State.UNEXPECTED

    def test_undeclared_ones_stay_failures(self, tmp_path: Path) -> None:
        path = write(tmp_path / "idle.py", source())
        (result,) = conformance.check(
            str(path), only=["has_hooks"], expected_failures={"finite": "another"}
        )
        assert result.state is State.FAILED

    def test_a_check_that_does_not_apply_is_neither(self) -> None:
        (result,) = conformance.check("projection", only=["blind"])
        assert result.good
        assert result.state is State.SKIPPED
        assert "trait-gradient" in result.detail


@pytest.mark.parametrize("side", ["only", "expected"])
def test_an_unknown_check_is_named_with_those_that_there_are(side: str) -> None:
    with pytest.raises(MitigationError) as caught:
        conformance.check(
            "baseline",
            only=["finit"] if side == "only" else CHECKS,
            expected_failures={"finit": "why"} if side == "expected" else {},
        )
    said = one_line(caught.value)
    assert "'finit'" in said
    assert all(name in said for name in CHECKS)


def test_settings_reach_the_mitigation(tmp_path: Path) -> None:
    path = write(
        tmp_path / "scaled.py",
        source(
            hook(UPDATE, "return update * step.settings.factor"),
            card="Card('idea', 'Idea', parameters=(Parameter('factor', 1.0),))",
        ),
    )
    for setting, state in (("factor=2", State.PASSED), ("factor=1e25", State.FAILED)):
        (result,) = conformance.check(str(path), [setting], only=["finite"])
        assert result.state is state


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_every_check_says_what_holds_why_and_what_to_do(check: conformance.Check[Any]) -> None:
    assert check.name.isidentifier()
    for said in (check.claim, check.why, check.fix):
        assert said
        assert said == said.strip()
        assert "\n" not in said
