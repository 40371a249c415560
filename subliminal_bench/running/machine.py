"""Whether a run is slow because other programs use the machine."""

from pathlib import Path


class Queue:
    """How long this process's threads wait for a core, out of the time that they want one.

    Linux keeps both for each thread; elsewhere nothing is known.

    Args:
        threads: the folder with one folder per thread.
    """

    def __init__(self, threads: Path = Path("/proc/self/task")) -> None:
        self._threads = threads
        self._before = self._times()

    def share(self) -> float | None:
        """The share since the last call, 0 to 1; None if it is not known."""
        now = self._times()
        if not now:
            return None
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

    def _times(self) -> dict[str, tuple[int, int]]:
        """Nanoseconds that each thread has run and has waited."""
        found = {}
        for path in self._threads.glob("*/schedstat"):
            try:
                ran, waited, *_ = path.read_text().split()
                found[path.parent.name] = int(ran), int(waited)
            except (OSError, ValueError):
                # The thread has just ended, or the system keeps no such times.
                continue
        return found
