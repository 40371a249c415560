"""What other programs leave of this machine: its cores and its memory."""

from collections import Counter
from pathlib import Path


class Queue:
    """How long threads wait for a core, out of the time that they want one.

    These are the threads of a process and of the processes that it has started. Linux keeps
    both times for each thread; elsewhere nothing is known.

    Args:
        process: the process's folder.
    """

    def __init__(self, process: Path = Path("/proc/self")) -> None:
        self._process = process
        self._before = self._times()

    def share(self) -> float | None:
        """The share since the last call, 0 to 1; None if it is not known."""
        now = self._times()
        # A thread that is new, or has ended meanwhile, counts from zero or not at all.
        ran, waited = (
            sum(
                times[kind] - self._before.get(name, (0, 0))[kind]
                for name, times in now.items()
            )
            for kind in (0, 1)
        )
        self._before = now
        return waited / (ran + waited) if ran + waited > 0 else None

    def _times(self) -> dict[Path, tuple[int, int]]:
        """Nanoseconds that each thread has run and has waited."""
        found = {}
        children = {
            self._process.parent / number
            for path in self._process.glob("task/*/children")
            for number in _words(path)
        }
        for process in (self._process, *children):
            for path in process.glob("task/*/schedstat"):
                words = _words(path)
                if len(words) >= 2 and words[0].isdigit() and words[1].isdigit():
                    found[path] = int(words[0]), int(words[1])
        return found


def _words(path: Path) -> list[str]:
    """The words in a file; none if the thread that it is about has just ended."""
    try:
        return path.read_text().split()
    except OSError:
        return []


def free_memory() -> int | None:
    """Bytes of memory that programs can still get; None if the system does not say."""
    info = Path("/proc/meminfo")
    if not info.is_file():
        return None
    fields = Counter(
        {
            name: int(value.split()[0])
            for name, _, value in (
                line.partition(":") for line in info.read_text().splitlines()
            )
            if value.split()
        }
    )
    return fields["MemAvailable"] * 1024
