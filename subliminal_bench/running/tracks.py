"""Running one mitigation, with one setting, on several tracks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from subliminal_bench.errors import (
    DataError,
    HookError,
    ProtocolError,
    PythonSpelling,
    Spelling,
)
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.tracks import ROBUST, ROBUST_NAME, protocol_named
from subliminal_bench.printable import brief
from subliminal_bench.results.run import MitigationRecord
from subliminal_bench.running.progress import SILENT, Watcher
from subliminal_bench.running.setup import LoadedScoring, Scoring
from subliminal_bench.scoring.robust import RobustScorecard, TrackRow, other_shares

_PYTHON = PythonSpelling()


def tracks_named(names: str | Iterable[str]) -> tuple[Protocol, ...]:
    """The tracks that a user names.

    Args:
        names: `robust` for the robust set; or protocols' names, separated by commas or in a
            sequence.

    Raises:
        ProtocolError: a name is unknown, one is named twice, or these are no names.

    >>> [track.name for track in tracks_named("skill,backdoor")]
    ['skill', 'backdoor']
    >>> len(tracks_named("robust"))
    9
    """
    if isinstance(names, str):
        names = [one.strip() for one in names.split(",")]
    if not isinstance(names, Iterable):
        raise ProtocolError(f"tracks must be names, not {brief(names)}")
    found: list[Protocol] = []
    for name in names:
        found += ROBUST if name == ROBUST_NAME else [protocol_named(name)]
    if not found:
        raise ProtocolError(f"no track is named: {ROBUST_NAME} names all of the robust set")
    twice = [one.name for one in found if found.count(one) > 1]
    if twice:
        raise ProtocolError(f"the track {brief(twice[0])} is named twice")
    return tuple(found)


@dataclass(frozen=True)
class TrackScorings:
    """A mitigation to run and score on several tracks.

    Attributes:
        chosen: what to run; its own protocol is not used.
        tracks: to run it on, in this order.
    """

    chosen: Scoring
    tracks: tuple[Protocol, ...]

    def load(self) -> "LoadedTracks":
        """Read the seeds and load the mitigation for every track; nothing is run yet.

        Raises:
            BenchmarkError: a choice is invalid; the error is one line.
        """
        chosen = self.chosen
        if isinstance(chosen.seeds, Iterator):
            # It could be read for one track only.
            chosen = replace(chosen, seeds=list(chosen.seeds))
        return LoadedTracks([(track, _on(track, chosen).load()) for track in self.tracks])


def _on(track: Protocol, chosen: Scoring) -> Scoring:
    """The same choices on a track."""
    setup = chosen.setup
    # Most tracks are measured less often as they are.
    every = setup.measure_every if track.measure_every == 1 else 1
    return replace(chosen, setup=replace(setup, protocol=track.name, measure_every=every))


@dataclass(frozen=True)
class LoadedTracks:
    """A `TrackScorings` with everything loaded."""

    scorings: Sequence[tuple[Protocol, LoadedScoring]]

    @property
    def name(self) -> str:
        """The mitigation, with the settings that differ from their defaults."""
        return MitigationRecord.of(self.scorings[0][1].mitigation).label

    def run(self, watcher: Watcher = SILENT, spelling: Spelling = _PYTHON) -> RobustScorecard:
        """Run the mitigation and its references track by track.

        A track whose data is missing, or on which the mitigation fails, is a row that says so;
        the others are run all the same. What is finished is in the store, so that running again
        goes on.

        Args:
            watcher: receives the progress.
            spelling: of the advice in a row that could not be run.

        Raises:
            BenchmarkError: something else failed; see `Bench.run`.
        """
        rows = []
        for place, (track, scoring) in enumerate(self.scorings, 1):
            watcher.say(f"track {place} of {len(self.scorings)}: {track.name}, {track.about}")
            try:
                card, failed = scoring.run(watcher), None
            except (DataError, HookError) as error:
                card, failed = None, error.line(spelling)
                watcher.say(f"{track.name}: {failed}")
            rows.append(TrackRow(track.name, card, failed, other_shares(track)))
        return RobustScorecard(self.name, tuple(rows))
