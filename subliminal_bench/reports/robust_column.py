"""What a leaderboard's page says of the tracks: each entry's worst one, and links."""

from collections.abc import Sequence

from subliminal_bench.reports import short
from subliminal_bench.scoring.committed_tracks import CommittedTracks, is_on_all, worst_track
from subliminal_bench.scoring.ranking import RankedEntry

ABOUT_COLUMN = (
    "- **robust**: the track of [the robust set](../docs/tracks.md) on which it prevents "
    "least, with the same settings, and how much it prevents there; — if it was not run on all."
)


def robust_cells(rows: Sequence[RankedEntry], tracks: CommittedTracks) -> dict[str, str]:
    """Every entry's worst track, by label; empty if no entry was run on the whole set.

    Args:
        rows: the leaderboard's.
        tracks: the committed entries of other tracks.
    """
    if not any(row.card.verdict and is_on_all(row, tracks) for row in rows):
        return {}
    return {row.run.mitigation.label: _cell(row, tracks) for row in rows}


def track_links(tracks: CommittedTracks) -> str:
    """A line with a link to the page of every track that has entries."""
    links = ", ".join(f"[{name}](tracks/{name}.md)" for name in tracks)
    return (
        "The same mitigations under [the experiment, varied](../docs/tracks.md), a page for "
        f"each track: {links}."
    )


def _cell(row: RankedEntry, tracks: CommittedTracks) -> str:
    if row.card.verdict is None:
        return "reference"
    if not is_on_all(row, tracks):
        return "—"
    track, prevention = worst_track(row, tracks)
    return f"{track}, {'cannot be judged' if prevention is None else short.percent(prevention)}"
