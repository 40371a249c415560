"""The progress of many runs is that of one job, from nothing to all of it."""

import pytest

from subliminal_bench.running.progress import Silent
from subliminal_bench.running.whole_watcher import WholeWatcher


class Counts(Silent):
    def __init__(self) -> None:
        self.whole = self.done = 0

    def total(self, work: int) -> None:
        self.whole, self.done = work, 0

    def advance(self, work: int) -> None:
        assert work >= 0
        self.done += work
        assert self.done <= self.whole


def test_parts_with_several_runs_of_small_steps_add_up() -> None:
    outer = Counts()
    watcher = WholeWatcher(outer)
    watcher.parts(4, 1)
    shares = []
    for _ in range(3):
        watcher.begin("a part")
        for steps in (7, 1013):
            watcher.total(steps)
            for _ in range(steps):
                watcher.advance(1)
        shares.append(outer.done / outer.whole)
        watcher.parts(4, 1)
    # Half of what is left is kept for a run that a part may still have.
    assert shares == pytest.approx([0.25, 0.25 + 1 / 3, 0.25 + 2 / 3])


def test_the_last_part_can_be_done_too() -> None:
    outer = Counts()
    watcher = WholeWatcher(outer)
    watcher.parts(2, 0)
    watcher.begin("one")
    watcher.begin("two")
    assert outer.done / outer.whole == 0.5
