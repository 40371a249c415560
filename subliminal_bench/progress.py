"""Progress of a long job: a bar on a terminal, a plain line now and then elsewhere."""

import time
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

# Seconds between two plain lines.
_PLAIN_EVERY = 10.0


class Watcher(Protocol):
    """What a job reports to."""

    def total(self, steps: int) -> None:
        """Say how many steps there are in all."""

    def doing(self, what: str) -> None:
        """Say what comes next."""

    def advance(self, steps: int) -> None:
        """Say that so many more steps are done."""


class Silent:
    """Reports nothing."""

    def total(self, steps: int) -> None:
        """Nothing."""

    def doing(self, what: str) -> None:
        """Nothing."""

    def advance(self, steps: int) -> None:
        """Nothing."""


class ConsoleWatcher:
    """Shows progress with the time left.

    Args:
        console: where; a bar when it is a terminal, else plain lines.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._steps = 0
        self._done = 0
        self._what = ""
        self._started = self._printed = time.monotonic()

    def __enter__(self) -> "ConsoleWatcher":
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def total(self, steps: int) -> None:
        """Say how many steps there are in all."""
        self._steps = steps
        self._started = time.monotonic()
        self._bar.update(self._task, total=steps)

    def doing(self, what: str) -> None:
        """Say what comes next."""
        self._what = what
        self._bar.update(self._task, description=what)

    def advance(self, steps: int) -> None:
        """Say that so many more steps are done."""
        self._done += steps
        self._bar.update(self._task, completed=self._done)
        now = time.monotonic()
        if self._console.is_terminal or now - self._printed < _PLAIN_EVERY:
            return
        self._printed = now
        left = (now - self._started) / self._done * (self._steps - self._done)
        self._console.print(
            f"{self._what}: {100 * self._done / self._steps:.0f} % done, {_clock(left)} left",
            highlight=False,
        )


def _clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> _clock(75)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
