"""Several processes of this machine, each of which trains one student after another.

Students of one run do not depend on each other, so on a CPU a process per core, each with one
thread, is faster than one process whose threads wait for each other in every operation: x1.25
to x1.3 on two cores (docs/performance.md). It is also no slower beside other programs.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from subliminal_bench.errors import BenchmarkError, EngineError
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.mitigation.isolation.channel import Blocks
from subliminal_bench.mitigation.isolation.process import import_path
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.running.engine import LocalEngine, Needs, Workers
from subliminal_bench.running.jobs import Job, PartialResult, student_work, teacher_work
from subliminal_bench.running.machine import free_memory
from subliminal_bench.running.process_worker import receive, send
from subliminal_bench.running.progress import Watcher
from subliminal_bench.running.shipment import Shipments
from subliminal_bench.threads import usable_cores, wait_of_a_child

_PROGRAM = "subliminal_bench.running.process_worker"
# Below this much work per seed, starting a process takes longer than it saves.
_LEAST_WORK = 500_000
# Bytes of one student's noise, digits and steps, measured generously.
_MEMORY = 1.5e9


class ProcessEngine(LocalEngine):
    """The engine that does as many jobs at once as this process has cores.

    On a GPU, for a single seed and for short protocols it does them in this process; also for
    mitigations that other processes cannot load in the same way.
    """

    @contextmanager
    def workers(self, needs: Needs) -> Iterator[Workers]:
        """Processes, which end with the context."""
        count = _processes(needs)
        if count < 2:
            with super().workers(needs) as workers:
                yield workers
            return
        started = _Processes(count, needs.digits, needs.watcher)
        try:
            yield started
        finally:
            started.close()


def _processes(needs: Needs) -> int:
    """How many processes to use; fewer than two mean none."""
    usable = all(map(_can_be_sent, needs.mitigations))
    if os.name != "posix" or needs.device.type != "cpu" or not usable:
        return 1
    students = [student_work(needs.protocol, one) for one in needs.mitigations]
    if teacher_work(needs.protocol) + max(students) < _LEAST_WORK:
        return 1
    cores = _cores()
    free = free_memory()
    room = cores if free is None else int(free // _MEMORY)
    return min(cores, needs.seeds, room)


def _cores() -> int:
    """Cores to use; whoever limits torch's threads limits them too."""
    return min(usable_cores(), torch.get_num_threads())


def _can_be_sent(mitigation: Mitigation) -> bool:
    """Whether another process can load it and gets the same."""
    return mitigation.isolation is None and not mitigation.untold


@dataclass(eq=False)
class _Process:
    """A worker process, and the job that it does."""

    process: subprocess.Popen[bytes]
    connection: Connection
    job: Job | None = None
    doing: str = ""


class _Processes:
    def __init__(self, count: int, digits: Digits, watcher: Watcher) -> None:
        self._watcher = watcher
        self._shipments = Shipments()
        self._blocks = Blocks()
        said = {
            name: None if tensor is None else self._blocks.put(name, tensor)
            for name, tensor in vars(digits).items()
        }
        blocks, files = self._blocks.unsent()
        self._processes: list[_Process] = []
        try:
            for _ in range(count):
                self._processes.append(_started(files))
                send(self._processes[-1].connection, (blocks, files, said))
        except BaseException:
            self.close()
            raise
        finally:
            self._blocks.sent()

    @property
    def has_room(self) -> bool:
        return any(one.job is None for one in self._processes)

    def begin(self, job: Job) -> None:
        one = next(one for one in self._processes if one.job is None)
        shares = self._shipments.of(job)
        one.job = job
        send(one.connection, (replace(job, shares=()), shares))

    def take(self) -> tuple[Job, PartialResult | None]:
        while True:
            busy = {one.connection: one for one in self._processes if one.job}
            for ready in wait(list(busy)):
                one = busy[ready]  # type: ignore[index]
                taken = self._take_from(one)
                if taken:
                    return taken

    def _take_from(self, one: _Process) -> tuple[Job, PartialResult | None] | None:
        """The next result of a process; None if it only reported progress."""
        job = one.job
        assert job, "only a process with a job sends anything"
        try:
            kind, said = receive(one.connection)
        except (EOFError, OSError):
            raise EngineError(
                f"a worker process ended ({_how(one.process)}); finished seeds are kept, and "
                "the same command continues"
            ) from None
        if kind == "result":
            return job, said
        if kind == "done":
            one.job = None
            return job, None
        if kind == "refused":
            assert isinstance(said, BenchmarkError), (
                "a worker refuses with this package's errors"
            )
            raise said
        if kind == "failed":
            raise RuntimeError(f"a worker process failed:\n{said}")
        self._report(one, kind, said)
        return None

    def _report(self, one: _Process, kind: str, said: Any) -> None:
        if kind == "advance":
            self._watcher.advance(said)
        elif kind == "say":
            self._watcher.say(said)
        elif kind == "printed":
            sys.stderr.write(said)
        else:
            one.doing = said
            self._watcher.doing(_all(one.doing for one in self._processes if one.job))

    def close(self) -> None:
        """End all processes."""
        for one in self._processes:
            one.process.kill()
            one.connection.close()
        for one in self._processes:
            one.process.wait()


def _started(files: Sequence[int]) -> _Process:
    """A process that inherits these files."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", _PROGRAM, str(theirs.fileno()), str(os.getpid())],
            pass_fds=[theirs.fileno(), *files],
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
    return _Process(process, Connection(ours.detach()))


def _environment() -> dict[str, str]:
    """This process's own, so that the same mitigation is found and computes the same."""
    return {**os.environ, **wait_of_a_child(), "PYTHONPATH": import_path()}


def _all(doing: Iterator[str]) -> str:
    """What several processes do, in a line that fits beside a bar."""
    whats = [what for what in doing if what]
    more = f" and {len(whats) - 2} more" if len(whats) > 2 else ""
    return "; ".join(whats[:2]) + more


def _how(process: subprocess.Popen[bytes]) -> str:
    """How a process ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = process.wait(2)
        return f"signal {-code}" if code < 0 else f"exit code {code}"
    return "without a reason"
