"""torch's threads: how long they spin while they wait, and how many this process may use.

OpenMP's threads spin while they wait for each other, because waking a sleeping one takes
microseconds. Where other processes want the same cores, that starves them and, in turn, the
threads that everyone waits for. So the threads of this program sleep soon. docs/performance.md
has the measurements.
"""

import ctypes
import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What GNU's and LLVM's (or Intel's) OpenMP read when they are loaded: turns to spin, and
# milliseconds.
_SHORT_WAIT = {"GOMP_SPINCOUNT": "3000", "KMP_BLOCKTIME": "1"}
# Whoever sets one of these has chosen.
_CHOICES = ("OMP_WAIT_POLICY", *_SHORT_WAIT)
_PR_SET_PDEATHSIG = 1
_CGROUP = Path("/sys/fs/cgroup")


def sleep_soon() -> None:
    """Make torch's threads in this process and its children sleep soon when they wait.

    It must be called before torch is loaded, has no effect afterwards, and leaves a user's own
    choice as it is.
    """
    if "torch" not in sys.modules:
        os.environ.update(wait_of_a_child())


def wait_of_a_child() -> dict[str, str]:
    """The variables that decide how long the threads of a process spin that starts from here.

    They are the user's own, if there are any.
    """
    return _chosen() or dict(_SHORT_WAIT)


def wait_in_words() -> str:
    """How long the threads of this process spin while they wait."""
    chosen = [f"{name}={value}" for name, value in _chosen().items()]
    return ", ".join(chosen) or "long, which is OpenMP's default"


def spins_long() -> bool:
    """Whether nobody has chosen how long the threads spin, so that they spin long."""
    return not _chosen()


def _chosen() -> dict[str, str]:
    return {name: os.environ[name] for name in _CHOICES if os.environ.get(name)}


def usable_cores() -> int:
    """Cores that this process may use: by its affinity and by its cgroup's quota, 1 or more.

    A container with a quota of two cores on a machine with 64 still sees 64 of them.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    ) or 1
    quota = _quota(_CGROUP, Path("/proc/self/cgroup"))
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def end_with_parent(parent: int) -> None:
    """Let the system end this process when its parent ends in any way, where it can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")


def threads_to_use() -> int:
    """Torch's number of threads, but no more than cores, unless `OMP_NUM_THREADS` is set."""
    import torch

    now = torch.get_num_threads()
    return now if os.environ.get("OMP_NUM_THREADS") else min(now, usable_cores())


@contextmanager
def no_more_threads_than_cores() -> Iterator[int]:
    """Inside the context torch uses no more threads than this process has cores.

    The number of threads changes no result; the user's own is set again afterwards. Whoever
    sets `OMP_NUM_THREADS` has chosen.

    Yields:
        The number of threads.
    """
    import torch

    before, chosen = torch.get_num_threads(), threads_to_use()
    if chosen != before:
        torch.set_num_threads(chosen)
    try:
        yield chosen
    finally:
        if chosen != before:
            torch.set_num_threads(before)


def _quota(root: Path, own: Path) -> float | None:
    """The lowest quota in cores from a process's cgroup up to the root; None without one.

    Args:
        root: where cgroups are mounted.
        own: lists the process's cgroups.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    found: list[float | None] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            found += [_unified_quota(place) for place in _upwards(root, path)]
        elif "cpu" in controllers.split(","):
            for top in {root / controllers, root / "cpu"}:
                found += [_separate_quota(place) for place in _upwards(top, path)]
    return min((quota for quota in found if quota is not None), default=None)


def _upwards(top: Path, path: str) -> list[Path]:
    """The folders of a cgroup and of those around it.

    A container may see its own as the top one, whatever its path says.
    """
    folder = top / path.lstrip("/")
    return [place for place in (folder, *folder.parents) if place.is_relative_to(top)]


def _unified_quota(folder: Path) -> float | None:
    """The quota in a folder of cgroup version 2."""
    words = _words(folder / "cpu.max")
    return _ratio(*words) if len(words) == 2 else None


def _separate_quota(folder: Path) -> float | None:
    """The quota in a folder of cgroup version 1."""
    quota, period = (_words(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return _ratio(*quota, *period) if len(quota) == len(period) == 1 else None


def _ratio(quota: str, period: str) -> float | None:
    """The quota in cores; None for one that means "no limit", as `max` and -1 do."""
    try:
        found = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
    return found if found > 0 else None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
