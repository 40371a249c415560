"""The conformance kit: every kind of fault fails at the check that names it, and no other."""

import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from subliminal_bench import conformance, conformance_text, shipped
from subliminal_bench.conformance import CHECKS, SMALL, Result, State, overhead
from subliminal_bench.errors import MitigationError
from tests.plugins_for_tests import one_line, write
from tests.terminal import Terminal

pytest_plugins = ["pytester"]

# The one check that takes seconds; the others together take less than one.
BY_HEART = "nothing_by_heart"
QUICK = tuple(name for name in CHECKS if name != BY_HEART)
# Fixed here, so that a test gives the same every time; drawn anew where it counts.
SECRET = 3

HEAD = "import torch\n\nfrom subliminal_bench import Card, Parameter, hookimpl\n\n"
CARD = "Card('idea', 'Idea')"
GRADIENT = "distill_gradient(gradient, step)"
LOSS = "distill_loss(loss, student_logits, step)"
UPDATE = "parameter_update(update, step)"


def hook(signature: str, *lines: str) -> str:
    """A hook's source."""
    return f"\n\n@hookimpl\ndef {signature}:\n" + "".join(f"    {line}\n" for line in lines)


def source(*hooks: str, card: str = CARD, before: str = "") -> str:
    """A mitigation's file."""
    return f"{HEAD}{before}{hook('mitigation()', f'return {card}')}{''.join(hooks)}"


def in_a_child(function: Callable[[], dict[str, str]]) -> tuple[dict[str, str], int | None]:
    """What a function returns in a copy of this process, and the copy's exit code.

    What it spoils there is gone with it. `{}` where the copy ends before the function does.
    """
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)

    def answer(connection: Connection) -> None:
        try:
            found = function()
        except BaseException as error:
            found = {"raised": repr(error).splitlines()[0]}
        connection.send(found)

    child = context.Process(target=answer, args=(sending,))
    child.start()
    sending.close()
    try:
        found = receiving.recv()
    except EOFError:
        found = {}
    child.join()
    return found, child.exitcode


def failed(path: Path, only: Sequence[str] = QUICK) -> dict[str, str]:
    """The checks that a mitigation fails, each with what was found."""

    def run() -> dict[str, str]:
        results = conformance.check(str(path), only=only, secret=SECRET)
        return {one.check.name: one.detail for one in results if one.state is State.FAILED}

    return in_a_child(run)[0]


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Digits and teachers once, for all the copies of this process."""
    list(conformance.check("baseline", only=QUICK, secret=SECRET))


@dataclass(frozen=True)
class Broken:
    """A mitigation with a fault.

    Attributes:
        source: its file.
        fails: the checks that name the fault.
        said: what the first of them must say.
    """

    source: str
    fails: tuple[str, ...]
    said: str


def unloadable(text: str, said: str) -> Broken:
    return Broken(text, ("loads",), said)


def misshapen(*hooks: str, said: str) -> Broken:
    return Broken(source(*hooks), ("right_shapes",), said)


def writing(*lines: str, what: str) -> Broken:
    text = source(hook(GRADIENT, *lines, "return gradient"))
    return Broken(text, ("inputs_untouched",), f"changed step.{what} in place")


BROKEN: dict[str, Broken] = {
    "no Python": unloadable("def :\n", "SyntaxError"),
    "no card": unloadable(HEAD + hook(GRADIENT, "return gradient"), "returns its card"),
    "misspelled hook": unloadable(
        source(hook("distil_gradient(gradient)", "return gradient")), "'distil_gradient'"
    ),
    "unknown argument": unloadable(
        source(hook("distill_gradient(grad)", "return grad")), "'grad'"
    ),
    "unmarked hook": unloadable(
        source("\n\ndef distill_gradient(gradient):\n    return gradient\n"), "@hookimpl"
    ),
    "unknown access": unloadable(
        source(card="Card('idea', 'Idea', access='labels')"), "'labels'"
    ),
    "card that cannot be": unloadable(source(card="Card('an idea', 'Idea')"), "'an idea'"),
    "no hooks": Broken(source(), ("has_hooks",), "implements no hook"),
    "one student squeezed away": misshapen(
        hook(GRADIENT, "return 2 * gradient.squeeze()"), said="returned shape [19765]"
    ),
    "mean over students": misshapen(hook(LOSS, "return loss.mean()"), said="returned shape []"),
    "float64": misshapen(hook(GRADIENT, "return gradient.double()"), said="torch.float64"),
    "wrong device": misshapen(hook(GRADIENT, "return gradient.to('meta')"), said="meta"),
    "nothing returned": misshapen(hook(GRADIENT, "gradient.mul_(2)"), said="its return?"),
    "a hook that exits": misshapen(hook(GRADIENT, "raise SystemExit(0)"), said="SystemExit"),
    "loss cut off": misshapen(hook(LOSS, "return loss.detach()"), said="cut off"),
    "images in place": writing("step.images.mul_(0.5)", what="images"),
    "base logits in place": writing("step.base_logits.zero_()", what="base_logits"),
    "student through .data": writing(
        "step.student_parameters.data.zero_()", what="student_parameters"
    ),
    "base model through numpy": writing(
        "step.base_parameters.numpy()[:] = 0", what="base_parameters"
    ),
    "not a number": Broken(
        source(hook(GRADIENT, "return gradient / 0 * 0")), ("finite",), "not finite"
    ),
    "not a number for seed 4": Broken(
        source(
            hook(
                GRADIENT,
                "bad = torch.tensor([seed == 4 for seed in step.seeds])",
                "return gradient.masked_fill(bad[:, None], float('nan'))",
            )
        ),
        ("finite",),
        "seed 4, step 0: returned values that are not finite",
    ),
    "explodes": Broken(
        source(hook(UPDATE, "return update * 1e25")), ("finite",), "seeds 1, 2, 3, 4, 5 diverge"
    ),
    "norm over the cohort": Broken(
        source(hook(GRADIENT, "return gradient / gradient.norm()")),
        ("students_independent", "any_cohort_size"),
        "another neighbour changes",
    ),
    "neighbours' mean": Broken(
        source(hook(GRADIENT, "return gradient - 0.5 * gradient.mean(0, keepdim=True)")),
        ("students_independent", "any_cohort_size"),
        "another neighbour changes",
    ),
    "neighbours' mean among five only": Broken(
        source(
            hook(
                GRADIENT,
                "others = gradient.mean(0, keepdim=True)",
                "return gradient - 0.5 * others if len(gradient) == 5 else gradient",
            )
        ),
        ("any_cohort_size",),
        "alone and among 5",
    ),
    "divided by the number of students": Broken(
        source(hook(UPDATE, "return update / len(update)")),
        ("any_cohort_size",),
        "alone and among 2",
    ),
    "one generator for all": Broken(
        source(
            hook(
                GRADIENT,
                "noise = torch.randn(gradient.shape, generator=step.generators[0])",
                "return gradient + 1e-3 * noise",
            )
        ),
        ("students_independent", "any_cohort_size"),
        "another neighbour changes",
    ),
    "the clock": Broken(
        source(
            hook(UPDATE, "return update * (time.perf_counter_ns() % 1000) / 1000"),
            before="import time\n",
        ),
        ("rerun_is_the_same",),
        "a second run changes",
    ),
    "the global generator": Broken(
        source(hook(GRADIENT, "return gradient + 1e-3 * torch.randn(gradient.shape)")),
        ("rerun_is_the_same", "surroundings_untouched"),
        "a second run changes",
    ),
    "runs counted in a global": Broken(
        source(
            hook("start(parameters)", "RUNS.append(1)"),
            hook(UPDATE, "return update / len(RUNS)"),
            before="RUNS = []\n",
        ),
        ("rerun_is_the_same",),
        "a second run changes",
    ),
    "loads counted elsewhere": Broken(
        source(
            hook(UPDATE, "return update / torch.loads"),
            before="torch.loads = getattr(torch, 'loads', 0) + 1\n",
        ),
        ("fresh_load_is_the_same", "seed_numbers_unused"),
        "loaded anew it changes",
    ),
    "seeds 1 to 10 only": Broken(
        source(hook(GRADIENT, "return gradient * (0.5 if max(step.seeds) <= 10 else 1)")),
        ("seed_numbers_unused",),
        "under another seed number it changes",
    ),
    "a file that it reads": Broken(
        source(
            hook(GRADIENT, "return gradient"),
            before="from pathlib import Path\n\nTEXT = Path('/etc/hostname').read_bytes()\n",
        ),
        ("opens_no_files",),
        "hostname",
    ),
    "a program that it starts": Broken(
        source(
            hook("start(parameters)", "subprocess.run(['true'], check=True)"),
            before="import subprocess\n",
        ),
        ("opens_no_files",),
        "subprocess.Popen",
    ),
    "a function of torch exchanged": Broken(
        source(
            hook(LOSS, "torch.log_softmax = lambda *given: kept(*given)", "return loss"),
            before="kept = torch.log_softmax\n",
        ),
        ("harness_untouched",),
        "torch.log_softmax",
    ),
    "a setting that cannot travel": Broken(
        source(
            hook(GRADIENT, "return gradient"),
            before="class Odd(str):\n    def __reduce__(self): raise TypeError('stays')\n",
            card="Card('idea', Odd('Idea'))",
        ),
        ("picklable",),
        "stays",
    ),
}


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


# The same wish as in a broken one above, granted by the rules.
HONEST: dict[str, str] = {
    "norm of its own row": hook(
        GRADIENT, "return gradient / gradient.norm(dim=1, keepdim=True)"
    ),
    "noise from its own generator": hook(
        GRADIENT, "return gradient + 1e-3 * step.normal(gradient.shape[1])"
    ),
    "a clone changed in place": hook(
        GRADIENT, "images = step.images.clone().zero_()", "return gradient.mul_(0.5)"
    ),
    "steps counted in its state": hook(
        GRADIENT,
        "step.state['steps'] = step.state.get('steps', 0) + 1",
        "return gradient / step.state['steps']",
    ),
    "a view of what it was given": hook(GRADIENT, "return gradient[:]"),
    "a tensor that requires a gradient": hook(GRADIENT, "return gradient.requires_grad_()"),
    "what it returned, changed later": hook(
        GRADIENT,
        "if 'kept' in step.state: step.state['kept'].zero_()",
        "step.state['kept'] = 2 * gradient",
        "return step.state['kept']",
    ),
    "what it was given, changed later": hook(
        GRADIENT, "step.state.setdefault('first', gradient).zero_()", "return gradient"
    ),
}


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
    for text in (check.claim, check.why, check.fix):
        assert text
        assert text == text.strip()
        assert "\n" not in text


@pytest.mark.parametrize("state", State)
def test_no_line_of_a_result_is_wider_than_80_columns(state: State) -> None:
    said = "a reason of some length " * 8
    lines = [
        line
        for check in CHECKS.values()
        for line in conformance_text.line(Result(check, state, said)).splitlines()
    ]
    assert max(map(len, lines)) <= 80


@pytest.mark.usefixtures("at_hand")
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
