"""Several processes train what one would, to the same bits, and leave nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import EngineError, HookError
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K, PROBE, Protocol
from subliminal_bench.mitigation.isolation.proxy import load_isolated
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running import process_engine
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.engine import Needs
from subliminal_bench.running.process_engine import ProcessEngine, _processes
from subliminal_bench.running.progress import SILENT
from tests.conftest import CPU, TINY
from tests.support.mitigation_files import GRADIENT, hook, source
from tests.support.plugins_for_tests import write
from tests.support.watchers import Heard

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cores for however short a protocol, whatever this machine has.

    This process keeps its one thread, because other tests copy it, and threads are not copied.
    """
    monkeypatch.setattr(process_engine, "_LEAST_WORK", 0)
    monkeypatch.setattr(process_engine, "_cores", lambda: 2)


def children(parent: int | None = None) -> list[int]:
    """The numbers of a process's children that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in brackets may have spaces.
            state, above, *_ = path.read_text().rpartition(")")[2].split()
            if int(above) == (parent or os.getpid()) and state != "Z":
                found.append(int(path.parent.name))
    return found


def bench(folder: Path, heard: Heard | None = None) -> Bench:
    return Bench(TINY, CPU, Store(folder), watcher=heard or SILENT, engine=ProcessEngine())


def mine(folder: Path, *lines: str) -> Mitigation:
    text = source(hook(GRADIENT, *lines, "return gradient * 0.5"))
    return load_mitigation(str(write(folder / "mine.py", text)))


def test_results_have_the_bits_of_one_thread_in_this_process(tmp_path: Path) -> None:
    mitigations = [mine(tmp_path), load_mitigation("baseline"), load_mitigation("projection")]
    several = bench(tmp_path / "several").run(mitigations, (1, 2, 3))
    alone = Bench(TINY, CPU, Store(tmp_path / "alone")).run(mitigations, (1, 2, 3))
    assert [run.seeds for run in several] == [run.seeds for run in alone]
    assert not children()


def test_two_processes_work_at_the_same_time(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    # Each waits until the other has begun; alone it would wait in vain.
    waiting = mine(
        tmp_path,
        "import os, pathlib, time",
        f"pathlib.Path({str(marks)!r}, str(os.getpid())).touch()",
        "began = time.monotonic()",
        f"while len(list(pathlib.Path({str(marks)!r}).iterdir())) < 2:",
        "    assert time.monotonic() - began < 60, 'nobody else works'",
        "    time.sleep(0.01)",
    )
    assert not waiting.untold
    bench(tmp_path / "store").run([waiting], (1, 2))
    assert len(list(marks.iterdir())) == 2


def test_a_hooks_mistake_is_the_same_line_and_no_process_stays(tmp_path: Path) -> None:
    broken = mine(tmp_path, "assert step.seeds != (2,), 'not this seed'")
    with pytest.raises(HookError, match=r"idea: hook distill_gradient, seed 2, step 0: failed"):
        bench(tmp_path / "store").run([broken], (1, 2))
    assert not children()


def test_progress_adds_up_and_what_a_mitigation_prints_goes_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Counting(Heard):
        announced = done = 0

        def __init__(self) -> None:
            super().__init__()
            self.told: list[str] = []

        def total(self, work: int) -> None:
            self.announced += work

        def advance(self, work: int) -> None:
            self.done += work

        def doing(self, what: str) -> None:
            self.told.append(what)

    heard = Counting()
    printing = mine(tmp_path, "print('seen', step.index)")
    bench(tmp_path / "store", heard).run([printing], (1, 2, 3))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("seen 0\n") == 3
    assert heard.done == heard.announced > 0
    assert any("idea, seed 2" in what for what in heard.told)


def test_a_killed_worker_ends_the_run_and_the_next_one_continues(tmp_path: Path) -> None:
    deadly = mine(
        tmp_path,
        "import os, signal",
        "if step.seeds == (3,): os.kill(os.getpid(), signal.SIGKILL)",
    )
    with pytest.raises(EngineError, match=r"signal 9.*finished seeds are kept"):
        bench(tmp_path / "store").run([deadly], (1, 2, 3, 4))
    assert not children()
    kept = Store(tmp_path / "store").find("idea", None)
    assert kept
    assert 3 not in kept[0].finished()


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    mine(tmp_path, "import time", "time.sleep(0.2)")
    program.write_text(
        "from pathlib import Path\n"
        "import torch\n"
        "from subliminal_bench.mitigation.mitigation import load_mitigation\n"
        "from subliminal_bench.results.store import Store\n"
        "from subliminal_bench.running import process_engine\n"
        "from subliminal_bench.running.bench import Bench\n"
        "from tests.conftest import CPU, TINY\n"
        "process_engine._LEAST_WORK = 0\n"
        "process_engine._cores = lambda: 2\n"
        "engine = process_engine.ProcessEngine()\n"
        f"bench = Bench(TINY, CPU, Store(Path({str(tmp_path / 'store')!r})), engine=engine)\n"
        f"bench.run([load_mitigation({str(tmp_path / 'mine.py')!r})], tuple(range(1, 99)))\n"
    )
    root = Path(__file__).parents[2]
    run = subprocess.Popen(
        [sys.executable, str(program)], env={**os.environ, "PYTHONPATH": str(root)}
    )
    try:
        workers = until(lambda: children(run.pid), 2)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    until(lambda: [one for one in workers if not Path("/proc", str(one)).exists()], 2)


def until(look: Callable[[], list[int]], count: int) -> list[int]:
    """What is seen once there are so many of it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = look()
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came so far")


class TestHowMany:
    @pytest.fixture
    def needs(self, embedded_digits: Digits) -> Needs:
        baseline = load_mitigation("baseline")
        return Needs(MNIST_5K, embedded_digits, CPU, SILENT, 7, (baseline,))

    def processes(self, needs: Needs, **change: object) -> int:
        return _processes(Needs(**{**vars(needs), **change}))

    def test_one_per_core_but_no_more_than_seeds(
        self, needs: Needs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.processes(needs) == 2
        assert self.processes(needs, seeds=1) == 1
        monkeypatch.setattr(process_engine, "_cores", lambda: 16)
        monkeypatch.setattr(process_engine, "free_memory", lambda: 10**12)
        assert self.processes(needs) == 7
        assert self.processes(needs, seeds=100) == 16

    def test_no_more_than_the_memory_holds(
        self, needs: Needs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(process_engine, "free_memory", lambda: 2_000_000_000)
        assert self.processes(needs) == 1
        monkeypatch.setattr(process_engine, "free_memory", lambda: None)
        assert self.processes(needs) == 2

    def test_whoever_limits_torchs_threads_limits_them(
        self, needs: Needs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        monkeypatch.setattr(process_engine, "usable_cores", lambda: 64)
        monkeypatch.setattr("torch.get_num_threads", lambda: 1)
        assert self.processes(needs) == 1

    def test_none_on_a_gpu(self, needs: Needs) -> None:
        assert self.processes(needs, device=torch.device("cuda")) == 1

    @pytest.mark.parametrize(("protocol", "worth"), [(MNIST, 2), (MNIST_5K, 2), (PROBE, 1)])
    def test_only_where_starting_them_is_worth_it(
        self, protocol: Protocol, worth: int, needs: Needs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        monkeypatch.setattr(process_engine, "_cores", lambda: 2)
        assert self.processes(needs, protocol=protocol) == worth

    def test_none_for_what_other_processes_cannot_load_in_the_same_way(
        self, needs: Needs, tmp_path: Path
    ) -> None:
        reading = mine(tmp_path, "open(__file__).close()")
        assert self.processes(needs, mitigations=(reading,)) == 1
        assert self.processes(needs, mitigations=(load_isolated("baseline"),)) == 1
