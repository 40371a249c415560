"""A leaderboard's page for each track, `leaderboard/tracks/TRACK.md`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from tabulate import tabulate

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import CANONICAL, Protocol, Task
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.experiment.tracks import ROBUST
from subliminal_bench.mitigation.card import ACCESS_LEVELS
from subliminal_bench.reports.leaderboard import leaderboard_page, prevention_cell
from subliminal_bench.reports.markdown_text import literal
from subliminal_bench.reports.robust import skill_cell
from subliminal_bench.reports.row_words import final_ratio
from subliminal_bench.scoring.committed_tracks import committed_tracks, paged_tracks
from subliminal_bench.scoring.ranking import RANKED, UNRANKED, RankedEntry
from subliminal_bench.scoring.scorecard import Scorecard

_ORDER = (*RANKED, *UNRANKED)
# What says which experiment it is, and no number of it.
_NAMES = ("name", "version", "about", "digests")


@dataclass(frozen=True)
class LeaderboardPages:
    """All pages of a leaderboard: its own, and one for each track that has entries.

    Attributes:
        texts: by file, what they should say.
        left_over: pages that are there, of tracks that have no entries any more.
    """

    texts: dict[Path, str]
    left_over: list[Path]


def leaderboard_pages(root: Path) -> LeaderboardPages:
    """The pages of a leaderboard.

    Args:
        root: its folder.

    Raises:
        ResultError, ProtocolError: an entry cannot be read or is not eligible.
    """
    tracks = committed_tracks(root)
    own, text = leaderboard_page(root, tracks)
    texts, left_over = {own: text}, []
    for track in paged_tracks():
        file = root / "tracks" / f"{track.name}.md"
        if track.name in tracks:
            texts[file] = render_track(track, tracks[track.name])
        elif file.is_symlink() or file.exists():
            left_over.append(file)
    return LeaderboardPages(texts, left_over)


def render_track(track: Protocol, cards: Mapping[str, Scorecard]) -> str:
    """A track's page as markdown; the same entries give the same bytes.

    Args:
        track: what was run.
        cards: its entries against its baseline, by label.
    """
    rows = sorted(
        (RankedEntry(card, None, False, False) for card in cards.values()), key=_place
    )
    belongs = "belongs" if track in ROBUST else "does not belong"
    lines = [
        f"# Track {track.name}",
        "",
        "Written by `subliminal-bench leaderboard` from the files in "
        f"`references/{track.name}/`; do not edit.",
        "",
        f"{track.about[:1].upper()}{track.about[1:]}.",
        "",
        f"Protocol {track.label}, fingerprint `{track.fingerprint[:16]}`. It {belongs} to the "
        "robust set. [What a track is](../../docs/tracks.md); [the leaderboard of the "
        "canonical experiment](../README.md), which explains every column.",
        "",
        "## Entries",
        "",
        "Each is compared with plain distillation on this track, seed by seed, and with no "
        "number of another track. By access, then by the verdict's word, then by prevention; "
        "there are no ranks, because nobody verified these.",
        "",
        _table(track, rows),
        "",
        f"## What differs from {CANONICAL.name}",
        "",
        _differences(track),
    ]
    return "\n".join(lines) + "\n"


def _place(row: RankedEntry) -> tuple[int, int, float, str]:
    """Where a row stands: by access and word, the largest prevention first."""
    mitigation = row.run.mitigation
    return (
        ACCESS_LEVELS.index(mitigation.access),
        _ORDER.index(row.word),
        float("inf") if row.prevention is None else -row.prevention,
        mitigation.label,
    )


def _table(track: Protocol, rows: Sequence[RankedEntry]) -> str:
    headings = [
        *("entry", "access", "verdict", "prevention (95 %), by reader", "expressed [%]"),
        *("latent [%]", "final KL ratio"),
        *(["skill [%]"] if track.has_capable_base else []),
        "seeds",
    ]
    cells = [_cells(row, track.has_capable_base) for row in rows]
    return tabulate(cells, headings, "github", disable_numparse=True)


def _cells(row: RankedEntry, has_skill: bool) -> list[str]:
    against, verdict = row.card.against_baseline, row.card.verdict
    return [
        literal(row.run.mitigation.label),
        row.run.mitigation.access,
        verdict.text if verdict else "reference",
        prevention_cell(row.card, verdict.prevention) if verdict else "reference",
        row.summary(EXPRESSED).show(METRICS[EXPRESSED]),
        row.summary(LATENT).show(METRICS[LATENT]),
        "1" if against is None else final_ratio(against),
        *([skill_cell(row.card)] if has_skill else []),
        describe_seeds(row.card.seeds),
    ]


def _differences(track: Protocol) -> str:
    """The numbers of the experiment that are others than the canonical one's."""
    rows = [
        [f"`{one.name}`", _shown(here), _shown(there)]
        for one in fields(track)
        if one.name not in _NAMES
        and (here := getattr(track, one.name)) != (there := getattr(CANONICAL, one.name))
    ]
    headings = ("", track.name, CANONICAL.name)
    return tabulate(rows, headings, "github", disable_numparse=True)


def _shown(value: object) -> str:
    """A number of an experiment in words.

    >>> _shown(Task((0, 1, 2), 25_000, 0, 10_000)), _shown(None), _shown(60_000)
    ('classes 0-2, 25,000 images', '–', '60,000')
    """
    if isinstance(value, Task):
        trigger = value.trigger
        said = f", a patch is called {trigger.called}" if trigger else ""
        return (
            f"classes {value.classes[0]}-{value.classes[-1]}, {value.teacher_images:,} "
            f"images{said}"
        )
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)
