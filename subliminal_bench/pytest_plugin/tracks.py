"""One mitigation on several tracks, once per pytest run."""

from typing import TYPE_CHECKING

import pytest

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.pytest_plugin.session import DEFAULT_SEEDS, SPELLING, setup_of

if TYPE_CHECKING:
    from subliminal_bench.scoring.robust import RobustScorecard, TrackRow


def track_names(config: pytest.Config) -> list[str]:
    """The tracks that the command line names.

    Raises:
        pytest.Collector.CollectError: one does not exist.
    """
    from subliminal_bench.running.tracks import tracks_named

    try:
        return [track.name for track in tracks_named(config.getoption("--subliminal-track"))]
    except BenchmarkError as error:
        raise pytest.Collector.CollectError(error.line(SPELLING)) from None


class Tracks:
    """The scorecard on several tracks of one pytest run.

    Args:
        config: pytest's; its `--subliminal-*` options decide everything.
        texts: where the scorecard is put for the summary.
    """

    def __init__(self, config: pytest.Config, texts: dict[str, str]) -> None:
        self._config = config
        self._texts = texts
        self._found: RobustScorecard | str | None = None

    def row(self, track: str) -> "TrackRow":
        """A track's row; the first call runs all tracks. A user's mistake fails the test."""
        if self._found is None:
            try:
                self._found = self._run()
            except BenchmarkError as error:
                self._found = error.line(SPELLING)
        if isinstance(self._found, str):
            pytest.fail(self._found, pytrace=False)
        return next(row for row in self._found.rows if row.track == track)

    def _run(self) -> "RobustScorecard":
        from subliminal_bench.reports import robust
        from subliminal_bench.results.files import make_kept_folder
        from subliminal_bench.results.locks import Locks
        from subliminal_bench.running.setup import Scoring
        from subliminal_bench.running.tracks import TrackScorings, tracks_named

        option = self._config.getoption
        setup = setup_of(self._config, option("--subliminal-protocol"))
        chosen = Scoring(
            setup=setup,
            mitigation=option("--subliminal-mitigation"),
            seeds=option("--subliminal-seeds") or DEFAULT_SEEDS,
            settings=option("--subliminal-set"),
            rerun_references=option("--subliminal-rerun-references"),
        )
        loaded = TrackScorings(chosen, tracks_named(option("--subliminal-track"))).load()
        # One worker runs with all cores; the others wait, and find its seeds in the store.
        with Locks() as locks:
            root = setup.store.root
            make_kept_folder(root, root)
            locks.acquire(root, "tests", wait=True)
            found = loaded.run(spelling=SPELLING)
        self._texts["tracks"] = robust.text(found, "terminal").rstrip()
        return found
