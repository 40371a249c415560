"""The progress of many runs as one: how much is done of all of them, and the time left."""

from subliminal_bench.running.progress import Watcher

# Work of one part, in units fine enough for a bar.
_PART = 1000


class WholeWatcher:
    """Passes the progress of parts on as that of the whole.

    Parts count alike: a part's work is only known once it begins.

    Args:
        outer: receives the progress of the whole.
    """

    def __init__(self, outer: Watcher) -> None:
        self._outer = outer
        self._parts = 0
        self._what = ""
        self._work = 0
        self._done = 0
        # Of the part's units: those passed on, and those passed on before its present run.
        self._passed = 0
        self._before = 0

    def parts(self, count: int, done: int) -> None:
        """Set the number of parts, of which some are done already."""
        if count != self._parts:
            self._parts = count
            # What is done took no time of this process, so it is no measure of what is left.
            self._outer.total(max(count - done, 0) * _PART)

    def begin(self, what: str) -> None:
        """Begin a part; the one before is done."""
        if self._what:
            self._outer.advance(_PART - self._passed)
        self._what, self._work, self._done = what, 0, 0
        self._passed = self._before = 0
        self._outer.doing(what)

    def say(self, line: str) -> None:
        """Print a permanent line."""
        self._outer.say(line)

    def total(self, work: int) -> None:
        """Set the work of a run, of which a part may have several."""
        # Each run of the same part is given half of what is left of it.
        self._work, self._done, self._before = work, 0, self._passed

    def doing(self, what: str) -> None:
        """Report what is done next."""
        self._outer.doing(f"{self._what}: {what}" if self._what else what)

    def advance(self, work: int) -> None:
        """Report that this much more of the run's work is done."""
        self._done = min(self._done + work, self._work)
        if not self._work:
            return
        share = (_PART - self._before) * self._done // (2 * self._work)
        new = self._before + share - self._passed
        self._passed += new
        self._outer.advance(new)
