"""The conformance kit: every kind of fault fails at the check that names it, and no other."""

from collections.abc import Callable
from pathlib import Path

import pytest

from subliminal_bench import conformance, shipped
from subliminal_bench.conformance import CHECKS, SMALL, Result, State, overhead, text
from subliminal_bench.errors import MitigationError
from tests.support.broken import BROKEN, HONEST
from tests.support.checked import BY_HEART, QUICK, SECRET, failed
from tests.support.mitigation_files import UPDATE, hook, source
from tests.support.plugins_for_tests import one_line, write
from tests.support.terminal import Terminal

pytest_plugins = ["pytester"]


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


@pytest.mark.parametrize("name", SHIPPED)
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
def test_every_check_says_what_holds_why_and_what_to_do(check: conformance.Check) -> None:
    assert check.name.isidentifier()
    for said in (check.claim, check.why, check.fix):
        assert said
        assert said == said.strip()
        assert "\n" not in said


@pytest.mark.parametrize("state", State)
def test_no_line_of_a_result_is_wider_than_80_columns(state: State) -> None:
    said = "a reason of some length " * 8
    lines = [
        line
        for check in CHECKS.values()
        for line in text.line(Result(check, state, said)).splitlines()
    ]
    assert max(map(len, lines)) <= 80


class TestOnTheCommandLine:
    def test_a_mitigation_that_keeps_the_rules_ends_with_0_and_its_overhead(
        self, type_in: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(overhead, "PROBE", SMALL)
        done = type_in("check", "random_projection")
        assert done.code == 0, done.out + done.err
        assert max(map(len, done.out.splitlines())) <= 80
        assert [line.split()[1] for line in done.out.splitlines()[: len(CHECKS)]] == [*CHECKS]
        assert "overhead: a step takes" in done.out
        assert done.out.splitlines()[-1] == f"{len(CHECKS)} passed"

    def test_one_that_breaks_them_ends_with_1_and_says_how_to_mend_it(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "cohort.py", BROKEN["norm over the cohort"].source)
        done = type_in("check", path, "--only", "loads,any_cohort_size,finite")
        assert done.code == 1, done.out + done.err
        assert max(map(len, done.out.splitlines())) <= 80
        for words in ("found:", "why:", "mend:", CHECKS["any_cohort_size"].fix):
            assert words in " ".join(done.out.split())
        assert done.out.splitlines()[-1] == "2 passed, 1 failed"
        assert "overhead" not in done.out

    def test_a_declared_failure_ends_with_0_and_an_idle_declaration_with_1(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "idle.py", source())
        only = ("--only", "loads,has_hooks")
        declared = type_in("check", path, *only, "--expect", "has_hooks=it is a control")
        assert declared.code == 0, declared.out
        assert "it is a control" in declared.out
        assert type_in("check", "frozen", *only, "--expect", "has_hooks=no").code == 1

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--only", "loads,finit"), "'finit'"),
            (("--expect", "finit=why"), "'finit'"),
            (("--expect", "finite"), "CHECK=REASON"),
            (("--expect", "finite="), "CHECK=REASON"),
        ],
    )
    def test_a_mistake_in_the_command_ends_with_2_and_one_line(
        self, options: tuple[str, str], said: str, type_in: Terminal
    ) -> None:
        assert said in type_in("check", "baseline", *options).error

    @pytest.mark.parametrize(
        "words", [("nowhere.py",), ("nobody",), ("liminal", "--set", "lamda0=1")]
    )
    def test_a_mitigation_that_is_not_there_ends_with_2_and_one_line(
        self, words: tuple[str, ...], type_in: Terminal
    ) -> None:
        assert words[-1].split("=")[0] in type_in("check", *words).error


class TestNew:
    def test_it_writes_a_mitigation_and_its_test(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        done = type_in("new", "my_idea")
        assert done.code == 0, done.err
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "my_idea.py",
            "test_my_idea.py",
        ]
        for said in ("subliminal-bench check my_idea.py", "pytest test_my_idea.py"):
            assert said in done.out
        assert type_in("new", "other", "--folder", tmp_path / "a" / "folder").code == 0
        assert (tmp_path / "a" / "folder" / "test_other.py").is_file()

    @pytest.mark.parametrize("name", ["My_idea", "1st", "my-idea", "a b", "../up", "", "é"])
    def test_a_name_that_no_file_can_have_is_refused(
        self, name: str, type_in: Terminal, tmp_path: Path
    ) -> None:
        assert "my_idea" in type_in("new", name).error
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("there", ["my_idea.py", "test_my_idea.py"])
    def test_nothing_is_written_over(
        self, there: str, type_in: Terminal, tmp_path: Path
    ) -> None:
        write(tmp_path / there, "mine")
        assert there in type_in("new", "my_idea").error
        assert (tmp_path / there).read_text() == "mine"
        assert len(list(tmp_path.iterdir())) == 1

    @pytest.mark.parametrize("name", ["import", "class", "torch"])
    def test_a_name_that_python_or_another_module_has_is_refused(
        self, name: str, type_in: Terminal
    ) -> None:
        assert name in type_in("new", name).error

    def test_what_it_writes_keeps_the_rules_in_its_own_test(
        self, type_in: Terminal, pytester: pytest.Pytester
    ) -> None:
        type_in("new", "my_idea", "--folder", pytester.path)
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "test_my_idea.py")
        result.assert_outcomes(passed=len(CHECKS))


def test_parametrize_makes_a_test_of_every_check(pytester: pytest.Pytester) -> None:
    text = BROKEN["norm over the cohort"].source
    write(pytester.path / "cohort.py", text)
    pytester.makepyfile(
        "from subliminal_bench import conformance\n\n"
        "WHY = {'any_cohort_size': 'by design', 'finite': 'not so'}\n\n"
        "@conformance.parametrize('cohort.py', expected_failures=WHY)\n"
        "def test_rules(check):\n    check()\n\n"
        "@conformance.parametrize('projection')\n"
        "def test_oracle(check):\n    check()\n"
    )
    result = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-v", "-rs", "-k", f"not {BY_HEART}"
    )
    # Failed: the undeclared fault, and the declaration that nothing bears out.
    result.assert_outcomes(
        passed=2 * len(QUICK) - 3, failed=2, skipped=1, deselected=len(CHECKS) - len(QUICK) + 1
    )
    said = result.stdout.str()
    for name in QUICK:
        assert f"test_rules[{name}]" in said
    assert "test_rules[students_independent] FAILED" in said
    assert "test_rules[finite] FAILED" in said
    assert "test_rules[any_cohort_size] PASSED" in said
    assert CHECKS["students_independent"].fix in said
    assert "Traceback" not in said


def test_parametrize_refuses_a_declared_failure_of_no_check() -> None:
    with pytest.raises(pytest.UsageError, match="unknown checks finit; known: loads"):
        conformance.parametrize("baseline", expected_failures={"finit": "why"})
