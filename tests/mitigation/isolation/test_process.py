"""However a mitigation's process ends, the run ends with one line and nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from subliminal_bench.errors import ChangedInputError, HookError, NotFiniteError, ProcessError
from subliminal_bench.mitigation.isolation.bubblewrap import Lack, find_bubblewrap
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.mitigation.isolation.proxy import load_isolated
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.student import train_students
from tests.support.isolated import Cohorts, cases, isolated
from tests.support.mitigation_files import GRADIENT, LOSS, hook, source
from tests.support.plugins_for_tests import one_line, write

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs Unix")

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
    "a hang": (hook(GRADIENT, "time.sleep(60)"), ProcessError, "did not answer within 2 s"),
    "a fork": (hook(GRADIENT, "os.fork()"), HookError, "may not start processes"),
    "a program": (hook(GRADIENT, "os.system('true')"), HookError, "may not start processes"),
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
    "a file": (hook(GRADIENT, "Path(__file__).write_text('x')"), HookError, "OSError"),
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
        "returned a loss detached from the graph",
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

# The same where there is no sandbox, and what differs there.
ENDINGS_WITHOUT: dict[str, tuple[str, type[HookError], str]] = {
    **{name: ENDINGS[name] for name in ("os._exit", "a crash", "a connection")},
    "a fork past the guard": (
        hook(GRADIENT, "ctypes.CDLL(None).fork()", "time.sleep(0.2)", "return gradient"),
        ProcessError,
        "sent an invalid reply",
    ),
    "a file": (
        hook(GRADIENT, "Path(__file__ + '.txt').write_text('x')"),
        HookError,
        "File too large",
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
        _ends_in_one_line(ENDINGS[name], tmp_path, tiny_cohort)

    @pytest.mark.parametrize("name", cases(ENDINGS_WITHOUT, "a file"))
    def test_so_it_does_where_there_is_no_sandbox(
        self, name: str, tmp_path: Path, tiny_cohort: Cohorts, without_sandbox: None
    ) -> None:
        _ends_in_one_line(ENDINGS_WITHOUT[name], tmp_path, tiny_cohort)

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
            processes = [child, *_below(child)]
            parent.kill()
        assert len(processes) == (1 if isinstance(find_bubblewrap(), Lack) else 3)
        assert all(map(gone, processes))

    @pytest.mark.slow
    def test_its_group_ends_with_it(
        self,
        tmp_path: Path,
        tiny_cohort: Cohorts,
        capfd: pytest.CaptureFixture[str],
        without_sandbox: None,
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


def _ends_in_one_line(
    ending: tuple[str, type[HookError], str], folder: Path, cohort: Cohorts
) -> None:
    hooks, kind, said = ending
    apart = isolated(folder, source(hooks, before=IMPORTS), Limits(seconds=2))
    process = apart.launcher._waiting
    assert process is not None
    with pytest.raises(HookError) as caught:
        train_students(cohort(1), apart)
    line = one_line(caught.value)
    assert type(caught.value) is kind or kind is HookError
    assert line.startswith("idea: hook distill_")
    assert "seed 1, step " in line
    assert said in line
    assert process._process.poll() is not None


def _below(process: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True
    )
    own = [int(word) for word in found.stdout.split()]
    return own + [lower for one in own for lower in _below(one)]


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
