"""Committed entries on several tracks, as a leaderboard shows them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from subliminal_bench.experiment.protocol import CANONICAL, MNIST_5K, PROBE, Protocol
from subliminal_bench.experiment.tracks import PROTOCOLS, ROBUST
from subliminal_bench.scoring.ranking import RankedEntry
from subliminal_bench.scoring.robust import committed_cards, share_on
from subliminal_bench.scoring.scorecard import Scorecard

# By track and by label.
CommittedTracks = Mapping[str, Mapping[str, Scorecard]]


def paged_tracks() -> list[Protocol]:
    """The tracks that have a page if they have entries.

    The leaderboard itself is the canonical one's. `mnist-5k` is the same experiment on fewer
    digits and `probe` a part of it: neither varies it.

    >>> [track.name for track in paged_tracks()][:3]
    ['permuted', 'skill', 'backdoor']
    """
    canonical = (CANONICAL, MNIST_5K, PROBE)
    robust = [track for track in ROBUST if track not in canonical]
    return robust + [
        track for track in PROTOCOLS.values() if track not in (*canonical, *robust)
    ]


def committed_tracks(root: Path) -> CommittedTracks:
    """The committed entries of all tracks that have any, against each track's baseline.

    Args:
        root: the leaderboard's folder.

    Raises:
        ResultError: a file cannot be read.
    """
    found = {track.name: committed_cards(track, root) for track in paged_tracks()}
    return {name: cards for name, cards in found.items() if cards}


def is_on_all(row: RankedEntry, tracks: CommittedTracks) -> bool:
    """Whether an entry of the leaderboard is also on every other track of the robust set.

    It is, if the same source ran there with the same settings.
    """
    return len(dict(_preventions(row, tracks))) == len(ROBUST)


def worst_track(row: RankedEntry, tracks: CommittedTracks) -> tuple[str, float | None]:
    """The track of the robust set on which an entry prevents least, and how much.

    Among the tracks that it was run on; nothing is worse than one where that cannot be judged.
    """
    found = dict(_preventions(row, tracks))
    worst = min(found, key=lambda name: _comparable(found[name]))
    return worst, found[worst]


def _preventions(
    row: RankedEntry, tracks: CommittedTracks
) -> Iterator[tuple[str, float | None]]:
    """What an entry prevents on each track of the robust set that it was run on."""
    for track in ROBUST:
        if track == CANONICAL:
            yield track.name, row.prevention
            continue
        card = tracks.get(track.name, {}).get(row.run.mitigation.label)
        if card and card.entry.mitigation == row.run.mitigation:
            prevention = 1 - share_on(card)
            yield track.name, prevention if prevention > float("-inf") else None


def _comparable(prevention: float | None) -> float:
    return float("-inf") if prevention is None else prevention
