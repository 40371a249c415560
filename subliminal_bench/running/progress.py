"""The progress of a long job: a bar on a terminal, otherwise an occasional plain line."""

import time
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from subliminal_bench.running.machine import Queue

# Seconds between two plain lines, and between two looks at the machine.
_PLAIN_EVERY = 10.0
_LOOK_EVERY = 10.0
# Waiting for a core for more of the time than this is worth saying.
_BUSY = 0.3


class Watcher(Protocol):
    """Receives the progress of a job."""

    def say(self, line: str) -> None:
        """Print a permanent line."""

    def total(self, work: int) -> None:
        """Set the total work, in any unit; none of it is done yet."""

    def doing(self, what: str) -> None:
        """Report what is done next."""

    def advance(self, work: int) -> None:
        """Report that this much more work is done."""


class Silent:
    """Reports nothing."""

    def say(self, line: str) -> None:
        """Nothing."""

    def total(self, work: int) -> None:
        """Nothing."""

    def doing(self, what: str) -> None:
        """Nothing."""

    def advance(self, work: int) -> None:
        """Nothing."""


SILENT: Watcher = Silent()


class ConsoleWatcher:
    """Shows the progress and the time left.

    Args:
        console: shows a bar if it writes to a terminal, else plain lines.
        queue: knows how busy the machine is.
    """

    def __init__(self, console: Console, queue: Queue | None = None) -> None:
        self._console = console
        # `FORCE_COLOR` makes a console call itself a terminal; a bar needs a real one.
        self._moves = console.is_terminal and console.file.isatty()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._work = 0
        self._done = 0
        self._what = ""
        self._started = self._printed = self._looked = time.monotonic()
        self._queue: Queue | None = queue or Queue()

    def __enter__(self) -> "ConsoleWatcher":
        if self._moves:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._moves:
            self._bar.stop()

    def say(self, line: str) -> None:
        """Print a permanent line."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def total(self, work: int) -> None:
        """Set the total work, in any unit; none of it is done yet."""
        self._work, self._done = work, 0
        self._started = self._printed = time.monotonic()
        self._bar.update(self._task, total=work, completed=0)

    def doing(self, what: str) -> None:
        """Report what is done next."""
        self._what = what
        self._bar.update(self._task, description=what)

    def advance(self, work: int) -> None:
        """Report that this much more work is done."""
        # Unannounced work, such as a lost job's second run, never shows as over 100 %.
        self._done = min(self._done + work, self._work)
        self._bar.update(self._task, completed=self._done)
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._look()
        early = now - self._printed < _PLAIN_EVERY
        if self._moves or early or not (self._done and self._work):
            return
        self._printed = now
        left = (now - self._started) / self._done * (self._work - self._done)
        self.say(
            f"{self._what}: {100 * self._done / self._work:.0f} % done, {_clock(left)} left"
        )

    def _look(self) -> None:
        """Say once that the machine is busy, because that decides how long it takes."""
        share = self._queue.share() if self._queue else None
        if share is not None and share > _BUSY:
            self._queue = None
            self.say(
                "other programs are using this machine's cores: this run waits for them "
                f"{100 * share:.0f} % of the time, so it takes longer than it would alone"
            )


def _clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> _clock(75)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
