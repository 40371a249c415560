"""A mitigation on several tracks, with one setting: its worst track and its profile.

Numbers of two tracks are never averaged, only set side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.results.entries import entries_folder, read_entries
from subliminal_bench.results.run import ProtocolRecord, Run
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.verdict import PREVENTING

# How far an entry's share may lie above the best one's of a track, to count as near it.
TOLERANCES = (0.0, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class TrackRow:
    """What happened on one track.

    Attributes:
        track: the protocol's name.
        card: of the mitigation; None if it could not be run there.
        failed: why it could not.
        others: the largest shares of other entries on the track, by their labels.
    """

    track: str
    card: Scorecard | None
    failed: str | None
    others: Mapping[str, float]

    @property
    def share(self) -> float:
        """The largest share of plain distillation's gain that a reader finds."""
        return share_on(self.card) if self.card else inf

    @property
    def prevention(self) -> float | None:
        """The prevention; None if it cannot be judged."""
        return 1 - self.share if self.share < inf else None


@dataclass(frozen=True)
class RobustScorecard:
    """One mitigation with one setting on several tracks.

    Attributes:
        name: of the mitigation, with the settings that differ from their defaults.
        rows: one per track, in the order of the tracks.
    """

    name: str
    rows: tuple[TrackRow, ...]

    @property
    def worst(self) -> TrackRow | None:
        """The track on which least is prevented; None if none was run.

        A track on which nothing can be judged is worse than any other; one that could not be
        run is not counted.
        """
        ran = [row for row in self.rows if row.card]
        return max(ran, key=lambda row: row.share, default=None)

    @property
    def failed(self) -> list[TrackRow]:
        """The tracks on which it could not be run."""
        return [row for row in self.rows if row.card is None]

    @property
    def prevents_everywhere(self) -> bool:
        """Whether the verdict's word says on every track that something is prevented."""
        words = [row.card.verdict.word for row in self.rows if row.card and row.card.verdict]
        return len(words) == len(self.rows) and all(word in PREVENTING for word in words)

    def profiles(self, tolerances: Sequence[float] = TOLERANCES) -> dict[str, list[float]]:
        """Each entry's performance profile; see `performance_profile`.

        Other entries are compared only if they were run on every track that this one was.

        Args:
            tolerances: how far above the best entry's share still counts.
        """
        ran = [row for row in self.rows if row.card]
        others = set.intersection(*(set(row.others) for row in ran)) if ran else set()
        shares = {
            self.name: [row.share for row in ran],
            **{
                name: [row.others[name] for row in ran] for name in sorted(others - {self.name})
            },
        }
        return performance_profile(shares, tolerances)


def performance_profile(
    shares: Mapping[str, Sequence[float]], tolerances: Sequence[float] = TOLERANCES
) -> dict[str, list[float]]:
    """The share of tracks on which an entry is nearly the best, for each tolerance.

    Profiles are those of Dolan and More (2002), with differences instead of ratios, because a
    share can be zero.

    Args:
        shares: of each entry, the largest share found on each track; infinite where it cannot
            be judged.
        tolerances: how far above the best entry's share still counts.

    Returns:
        By entry, a fraction of the tracks for each tolerance.

    >>> performance_profile({"one": [0.5, 1.0], "other": [0.9, 1.0]}, [0.0, 0.4])
    {'one': [1.0, 1.0], 'other': [0.5, 1.0]}
    """
    tracks = len(next(iter(shares.values()), ()))
    best = [min(row[place] for row in shares.values()) for place in range(tracks)]
    return {
        name: [
            sum(
                own < inf and own - least <= tolerance + 1e-12
                for own, least in zip(row, best, strict=True)
            )
            / tracks
            if tracks
            else 0.0
            for tolerance in tolerances
        ]
        for name, row in shares.items()
    }


def share_on(card: Scorecard) -> float:
    """The largest share that a reader finds: 1 of the baseline, infinite if not judged."""
    if card.verdict is None:
        return 1.0
    return 1 - card.prevention.estimate if card.prevention else inf


def other_shares(protocol: Protocol, root: Path | None = None) -> dict[str, float]:
    """The shares of the committed entries of a track, by their labels.

    Args:
        protocol: the track.
        root: of the leaderboard; by default the one that ships.
    """
    return {label: share_on(card) for label, card in committed_cards(protocol, root).items()}


def committed_cards(protocol: Protocol, root: Path | None = None) -> dict[str, Scorecard]:
    """The committed entries of a track against its baseline, by their labels.

    Entries are scored on the seeds that they share with the track's baseline; those of another
    version of the protocol, or with no such seed, are left out.

    Args:
        protocol: the track.
        root: of the leaderboard; by default the one that ships.
    """
    record = ProtocolRecord.of(protocol)
    runs = {
        label: run
        for label, run in read_entries(entries_folder(protocol, root)).items()
        if run.protocol == record
    }
    baseline = runs.get(BASELINE)
    if baseline is None:
        return {}
    found = {}
    for label, run in runs.items():
        common = sorted(set(run.seed_numbers) & set(baseline.seed_numbers))
        if common:
            found[label] = against_baseline(run.only(common), baseline)
    return found


def against_baseline(run: Run, baseline: Run) -> Scorecard:
    """A run scored against plain distillation alone."""
    if run.mitigation.name == BASELINE:
        return build_scorecard(run, {})
    return build_scorecard(run, {BASELINE: baseline})
