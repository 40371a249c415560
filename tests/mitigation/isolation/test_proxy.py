"""A mitigation in a process of its own: the same numbers, and nothing else gets through."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from _pytest.mark import ParameterSet

from subliminal_bench.conformance.small import differing
from subliminal_bench.errors import (
    BenchmarkError,
    ChangedInputError,
    HookError,
    MitigationError,
    NotFiniteError,
    ProcessError,
)
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.mitigation.card import Network
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.mitigation.isolation.proxy import IsolatedMitigation, load_isolated
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.run import RunHeader
from subliminal_bench.results.store import Store
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import Outcome
from subliminal_bench.training.student import ENGINE, train_students
from tests.conftest import TINY
from tests.gaming.evading import EVADES
from tests.support.broken import BROKEN
from tests.support.mitigation_files import GRADIENT, LOSS, UPDATE, hook, source
from tests.support.plugins_for_tests import one_line, write
from tests.support.terminal import Terminal

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs Unix")

Cohorts = Callable[..., Cohort]


def cases(names: Collection[str], *quick: str) -> list[ParameterSet]:
    """One case a name: every process takes a second to start, so most run with `-m slow`."""
    assert set(quick) <= set(names)
    return [
        pytest.param(name, marks=[] if name in quick else [pytest.mark.slow], id=name)
        for name in names
    ]


def isolated(folder: Path, text: str, limits: Limits | None = None) -> IsolatedMitigation:
    """A mitigation's file, loaded in a process of its own."""
    return load_isolated(str(write(folder / "idea.py", text)), limits=limits)


def same(first: list[Outcome], second: list[Outcome]) -> bool:
    """Curves, parameters and metrics, to the bit."""
    return all(
        not differing(one, other) and one.metrics == other.metrics
        for one, other in zip(first, second, strict=True)
    )


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
        "teacher_targets(teacher_logits, step)",
        "return teacher_logits + 0.1 * step.normal(*teacher_logits.shape[1:])",
    ),
    "other targets and a loss on them": hook(
        "teacher_targets(teacher_logits)", "return 0.5 * teacher_logits"
    )
    + hook(
        "distill_loss(loss, student_logits, teacher_logits)",
        "return loss + (student_logits - teacher_logits)[..., :10].square().mean((1, 2))",
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


# What a hook does, and what the error says besides hook, seed and step.
ENDINGS: dict[str, tuple[str, type[HookError], str]] = {
    "os._exit": (hook(GRADIENT, "os._exit(0)"), ProcessError, "ended with exit code 0"),
    "sys.exit": (hook(GRADIENT, "sys.exit('enough')"), HookError, "SystemExit: enough"),
    "an interruption": (hook(GRADIENT, "raise KeyboardInterrupt"), HookError, "KeyboardInterr"),
    "a crash": (
        hook(GRADIENT, "os.kill(os.getpid(), signal.SIGSEGV)"),
        ProcessError,
        "was ended by SIGSEGV",
    ),
    "a hang": (hook(GRADIENT, "time.sleep(60)"), ProcessError, "gave no answer within 2 s"),
    "a fork": (hook(GRADIENT, "os.fork()"), HookError, "may start no process"),
    "a fork past the guard": (
        hook(GRADIENT, "ctypes.CDLL(None).fork()", "time.sleep(0.2)", "return gradient"),
        ProcessError,
        "sent an invalid reply",
    ),
    "a program": (hook(GRADIENT, "os.system('true')"), HookError, "may start no process"),
    "a connection": (
        hook(GRADIENT, "socket.create_connection(('127.0.0.1', 80))"),
        HookError,
        "has no network",
    ),
    "a garbled answer": (
        hook(GRADIENT, "os.write(int(sys.argv[1]), b'\\0\\0\\0\\5hello')", "time.sleep(9)"),
        ProcessError,
        "sent an invalid reply",
    ),
    "an endless answer": (
        hook(GRADIENT, "os.write(int(sys.argv[1]), b'\\377' * 9)", "time.sleep(9)"),
        ProcessError,
        "sent an invalid reply",
    ),
    "a forged answer too many": (
        hook(
            GRADIENT,
            'content = b\'{"kind": "done", "number": 3}\'',
            "os.write(int(sys.argv[1]), len(content).to_bytes(4, 'big') + content)",
            "return gradient",
        ),
        ProcessError,
        "sent an invalid reply",
    ),
    "memory": (
        hook(GRADIENT, "return torch.zeros(2 ** 40) + gradient"),
        HookError,
        "its process has 8 GiB of address space",
    ),
    "a file": (
        hook(GRADIENT, "Path(__file__ + '.txt').write_text('x')"),
        HookError,
        "File too large",
    ),
    "an input changed": (
        hook(GRADIENT, "step.images.zero_()", "return gradient"),
        ChangedInputError,
        "changed step.images in place",
    ),
    "checks exchanged": (
        hook(
            GRADIENT,
            "calls.finite_rows = lambda rows: torch.ones(len(rows), dtype=torch.bool)",
            "return gradient / 0",
        ),
        NotFiniteError,
        "returned values that are not finite",
    ),
    "a loss that is cut off": (
        hook(LOSS, "return loss.detach()"),
        HookError,
        "returned a loss cut off from the graph",
    ),
    "a loss of infinite slope": (
        hook(LOSS, "return loss + (student_logits - student_logits).abs().sqrt().sum((1, 2))"),
        NotFiniteError,
        "returned a loss whose gradient is not finite",
    ),
    "the trait gradient asked for": (
        hook(GRADIENT, "return step.trait_gradient()"),
        HookError,
        "needs access level 'trait-gradient'",
    ),
}
IMPORTS = (
    "import ctypes\nimport os\nimport signal\nimport socket\nimport sys\nimport time\n\n"
    "from pathlib import Path\n\nfrom subliminal_bench.mitigation import calls\n"
)


class TestEndings:
    @pytest.mark.parametrize("name", cases(ENDINGS, "os._exit", "a hang", "a garbled answer"))
    def test_it_ends_that_run_with_one_line_and_nothing_else(
        self, name: str, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        hooks, kind, said = ENDINGS[name]
        apart = isolated(tmp_path, source(hooks, before=IMPORTS), Limits(seconds=2))
        process = apart.launcher._waiting
        assert process is not None
        with pytest.raises(HookError) as caught:
            train_students(tiny_cohort(1), apart)
        line = one_line(caught.value)
        assert type(caught.value) is kind or kind is HookError
        assert line.startswith("idea: hook distill_")
        assert "seed 1, step " in line
        assert said in line
        assert process._process.poll() is not None

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "name", ["an input changed", "a loss that is cut off", "the trait gradient asked for"]
    )
    def test_a_hooks_mistake_reads_the_same_as_in_the_trainers_process(
        self, name: str, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        text = source(ENDINGS[name][0], before=IMPORTS)
        lines = []
        for one in (isolated(tmp_path, text), load_mitigation(str(tmp_path / "idea.py"))):
            with pytest.raises(HookError) as caught:
                train_students(tiny_cohort(1), one)
            lines.append((type(caught.value), str(caught.value)))
        assert lines[0] == lines[1]

    @pytest.mark.parametrize(
        ("before", "said"),
        [
            pytest.param("import os\n\nos._exit(7)\n", "exit code 7", id="os._exit"),
            pytest.param(
                "import os\n\nos.system('true')\n",
                "may start no process",
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

    def test_an_interruption_here_ends_it(self, tiny_cohort: Cohorts) -> None:
        apart = load_isolated("baseline")
        process = apart.launcher._waiting
        assert process is not None

        def interrupt(steps: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train_students(tiny_cohort(1), apart, interrupt)
        assert process._process.returncode == -signal.SIGKILL

    @pytest.mark.slow
    def test_it_ends_when_this_process_is_killed(self, tmp_path: Path) -> None:
        path = write(tmp_path / "idea.py", source(hook(GRADIENT, "return gradient")))
        program = (
            "from subliminal_bench.mitigation.isolation.proxy import load_isolated\n"
            f"process = load_isolated({str(path)!r}).launcher.started()\n"
            "print(process._process.pid, flush=True)\n"
            "input()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as parent:
            assert parent.stdout
            child = int(parent.stdout.readline())
            parent.kill()
        assert gone(child)

    @pytest.mark.slow
    def test_processor_time_is_limited(self, tmp_path: Path, tiny_cohort: Cohorts) -> None:
        text = source(hook(GRADIENT, "while True: pass"))
        apart = isolated(tmp_path, text, Limits(processor_seconds=4))
        with pytest.raises(ProcessError, match="SIGXCPU after 4 s of processor time"):
            train_students(tiny_cohort(1), apart)

    @pytest.mark.slow
    def test_its_group_ends_with_it(
        self, tmp_path: Path, tiny_cohort: Cohorts, capfd: pytest.CaptureFixture[str]
    ) -> None:
        text = source(
            hook(
                "start(parameters)",
                "if ctypes.CDLL(None).fork() == 0: time.sleep(60)",
                "print('group', os.getpgid(0), flush=True)",
            ),
            before=IMPORTS,
        )
        train_students(tiny_cohort(1), isolated(tmp_path, text))
        group = int(capfd.readouterr().err.split("group ")[1].split()[0])
        assert gone(-group)

    @pytest.mark.slow
    def test_a_file_that_changes_between_cohorts_is_found_out(
        self, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        apart = isolated(tmp_path, source(hook(GRADIENT, "return gradient")))
        train_students(tiny_cohort(1), apart)
        isolated_path = tmp_path / "idea.py"
        write(isolated_path, source(hook(GRADIENT, "return 2 * gradient")))
        with pytest.raises(MitigationError, match="not the same at every load"):
            train_students(tiny_cohort(1), apart)


def gone(process: int) -> bool:
    """Whether a process (or, negative, all of a group) is gone or about to be reaped."""
    for _ in range(100):
        found = subprocess.run(
            ["ps", "-o", "stat=", *(["-g"] if process < 0 else ["-p"]), str(abs(process))],
            capture_output=True,
            text=True,
        )
        if all(state.startswith("Z") for state in found.stdout.split()):
            return True
        time.sleep(0.1)
    return False


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
    "a mode that sees every operation",
    "a thread left running",
)
REFUSED = {
    "harness's own parameters written": "AttributeError",
    "labels written": "AttributeError",
    "learning rate written": "AttributeError",
    "trait gradient from the teacher's own digits": "AttributeError",
    "card rewritten once it is read": "asked for a trait gradient that its card does not",
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
        with pytest.raises(AssertionError, match="process of its own"):
            plugin.manager.hook.distill_loss(
                loss=None, student_logits=None, teacher_logits=None, step=None
            )


class TestCommand:
    def test_a_run_says_that_it_was_isolated_and_has_a_folder_of_its_own(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        tiny = ("--protocol", "tiny", "--seeds", "1")
        apart = type_in("run", "baseline", *tiny, "--isolate", "--out", "a.json")
        assert apart.code == 0, apart.err
        assert "ran in a process of its own" in " ".join(apart.out.split())
        plain = type_in("run", "baseline", *tiny, "--out", "b.json")
        assert "process" not in plain.out
        ours, theirs = (json.loads(Path(name).read_text()) for name in ("a.json", "b.json"))
        assert ours["isolation"]["network"] in ("none", "shared")
        assert "isolation" not in theirs
        assert ours["seeds"] == theirs["seeds"]
        assert len(list(tmp_path.glob("subliminal-results/tiny-v*/baseline-*"))) == 2

    def test_an_end_is_exit_code_2_and_leaves_no_result(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        path = write(
            tmp_path / "sly.py", source(hook(UPDATE, "os._exit(0)"), before="import os\n")
        )
        done = type_in("run", path, "--protocol", "tiny", "--seeds", "1", "--isolate")
        assert "hook parameter_update, seed 1, step 0: its process ended" in done.error
        assert not list(tmp_path.glob("subliminal-results/*/idea-*/*.json"))

    def test_its_limits_go_with_it(self, type_in: Terminal) -> None:
        assert "--isolate" in type_in("run", "baseline", "--isolate-timeout", "5").error


class Kept(Mitigation):
    """Stands for an isolated one, where no process is needed."""

    @property
    def isolation(self) -> Network:
        return "none"


def test_an_unisolated_result_never_passes_for_an_isolated_one(tmp_path: Path) -> None:
    where = Store(tmp_path)
    here = Environment.here("cpu", "a processor", engine=ENGINE)
    plain = load_mitigation("liminal")
    folders = [
        where.run_folder(TINY, one, here)
        for one in (plain, Kept(plain.plugins), replace(plain))
    ]
    assert folders[0].path == folders[2].path != folders[1].path
    assert folders[1].header.isolation
    content = folders[0].header.model_dump()
    assert "isolation" not in content
    assert RunHeader.model_validate(content) == folders[0].header


def test_a_cluster_and_isolation_exclude_each_other(type_in: Terminal) -> None:
    done = type_in("run", "liminal", "--protocol", "tiny", "--isolate", "--engine", "ray")
    assert "leave out --engine or --isolate" in done.error
