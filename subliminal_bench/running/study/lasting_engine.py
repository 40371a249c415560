"""Worker processes that stay from one run to the next.

A study is many short runs. Starting processes that load torch for each of them would take a
good part of its time.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from subliminal_bench.running.engine import Engine, Needs, Workers


class LastingEngine:
    """An engine whose workers stay until the end of `with`.

    Args:
        engine: whose workers they are.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.choose = engine.choose
        self.facts = engine.facts
        self.cohort_size = engine.cohort_size
        self._held = ExitStack()
        self._workers: Workers | None = None
        self._needs: Needs | None = None

    def __enter__(self) -> "LastingEngine":
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    @contextmanager
    def _lent(self, needs: Needs) -> Iterator[Workers]:
        if self._workers is None or not self._fits(needs):
            self._end()
            self._workers = self._held.enter_context(self._engine.workers(needs))
            self._needs = needs
        try:
            yield self._workers
        except BaseException:
            # Jobs may be left half done.
            self._end()
            raise

    def workers(self, needs: Needs) -> AbstractContextManager[Workers]:
        """Those of the last run, if they can do this one."""
        return self._lent(needs)

    def _fits(self, needs: Needs) -> bool:
        """Whether the workers that are there can do what is needed, as fast as new ones."""
        had = self._needs
        return (
            had is not None
            and (had.protocol, had.device, had.watcher)
            == (needs.protocol, needs.device, needs.watcher)
            and needs.seeds <= had.seeds
            and all(one.isolation is None and not one.untold for one in needs.mitigations)
            and all(one.isolation is None and not one.untold for one in had.mitigations)
        )

    def _end(self) -> None:
        self._held.close()
        self._workers = self._needs = None
