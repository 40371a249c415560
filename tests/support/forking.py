"""Processes that train into one store: torch is imported once, and forked for each of them.

`python -m tests.support.forking` reads requests from its standard input, one line of JSON each,
and answers each with one line when all of its processes have ended.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running import jobs
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU, TINY

NAMES = ("baseline", "liminal")


def run(store: Path, seeds: Sequence[int], log: Path, die_at_step: int | None) -> None:
    """Train two mitigations; every training that begins is a line of the log."""
    for kind in ("train_teachers", "train_students"):
        setattr(jobs, kind, _logged(kind, getattr(jobs, kind), log))
    if die_at_step is not None:
        _die_at(die_at_step)
    chosen = [load_mitigation(name) for name in NAMES]
    Bench(TINY, CPU, Store(store)).run(chosen, tuple(seeds))


def _logged(kind: str, function: Callable[..., Any], log: Path) -> Callable[..., Any]:
    def recorded(first: Any, second: Any, *more: Any) -> Any:
        teacher = kind == "train_teachers"
        for seed in second if teacher else first.seeds:
            with log.open("a") as file:
                file.write(f"{'teacher' if teacher else second.name} {seed}\n")
        return function(first, second, *more)

    return recorded


def _die_at(step: int) -> None:
    """Kill this process at its n-th step of writing; a file is half-written then."""
    taken = 0

    def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **keywords: Any) -> Any:
            nonlocal taken
            taken += 1
            if taken == step:
                if function.__name__ == "fsync":
                    os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **keywords)

        return counted

    for module, name in (
        (os, "fsync"),
        (os, "replace"),
        (os, "chmod"),
        (os, "mkdir"),
        (os, "utime"),
        (tempfile, "mkstemp"),
    ):
        setattr(module, name, wrapped(getattr(module, name)))


@contextlib.contextmanager
def _child(body: Callable[[], None]) -> Iterator[int]:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            body()
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    yield pid


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Fork the processes of a request, kill those that it says, and wait for all."""
    store, seeds = Path(request["store"]), request["seeds"]
    started = time.monotonic()
    pids = []
    for number, fate in enumerate(request["processes"]):
        log = Path(f"{request['log']}.{number}")
        log.touch()
        with _child(lambda log=log, fate=fate: run(store, seeds, log, fate["step"])) as pid:  # type: ignore[misc]
            pids.append(pid)
    for number, fate in enumerate(request["processes"]):
        if fate["seconds"] is not None:
            time.sleep(max(0.0, started + fate["seconds"] - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[number], signal.SIGKILL)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    logs = [
        Path(f"{request['log']}.{number}").read_text().splitlines()
        for number in range(len(pids))
    ]
    return {"codes": statuses, "trained": logs, "seconds": time.monotonic() - started}


def main() -> None:
    """Answer requests until there are no more."""
    torch.set_num_threads(1)
    # The first run of a process imports and compiles: what is forked need not.
    with tempfile.TemporaryDirectory() as folder:
        Bench(TINY, CPU, Store(Path(folder))).run([load_mitigation(NAMES[1])], (1,))
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
