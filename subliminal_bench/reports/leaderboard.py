"""The leaderboard's page, `leaderboard/README.md`, made only from the entries."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.reports import short
from subliminal_bench.reports.markdown_text import literal
from subliminal_bench.reports.robust_column import ABOUT_COLUMN, robust_cells, track_links
from subliminal_bench.reports.row_words import (
    ACCESS_WORDS,
    SORT_KEY,
    final_ratio,
    reason,
    row_word,
    twin_said,
    verified_on,
)
from subliminal_bench.reports.tables import blindness_of, commit_of, process_of
from subliminal_bench.scoring.committed_tracks import CommittedTracks, committed_tracks
from subliminal_bench.scoring.ranking import RankedEntry, RankedLevel, rank_folder
from subliminal_bench.scoring.scorecard import Scorecard
from subliminal_bench.scoring.statistics import MARGIN, Prevention
from subliminal_bench.untrusted.regular_file import read_bytes

_HEADINGS = (
    "rank",
    "entry",
    "verdict",
    "prevention (95 %), by reader",
    "expressed [%]",
    "latent [%]",
    "final KL ratio",
    "seeds",
    "prior",
    "twin's prevention",
)
_MARKED = (
    "Marked (†), [which is no judgement](../docs/verdict.md#what-hooks-did-to-the-weights): "
    "the weights are far from what this project's plugins show."
)


def leaderboard_page(root: Path, tracks: CommittedTracks | None = None) -> tuple[Path, str]:
    """A leaderboard's page: its file, and the text for its current entries.

    Args:
        root: the leaderboard's folder.
        tracks: its entries of other tracks; by default they are read.

    Raises:
        ResultError, ProtocolError: an entry cannot be read or is not eligible.
    """
    tracks = committed_tracks(root) if tracks is None else tracks
    return root / "README.md", render_leaderboard(rank_folder(root), tracks)


def is_fresh(page: Path, text: str) -> bool:
    """Whether the file has that text."""
    wanted = text.encode()
    try:
        return read_bytes(page, len(wanted), page.parent) == wanted
    except ResultError:
        # Whatever else stands there, it is not that text.
        return False


def render_leaderboard(
    levels: Sequence[RankedLevel], tracks: CommittedTracks | None = None
) -> str:
    """The page as markdown; the same entries give the same bytes.

    Args:
        levels: the entries, ranked.
        tracks: the committed entries of other tracks, by track.
    """
    rows = [row for level in levels for row in level.rows]
    protocol = rows[0].run.protocol
    robust = robust_cells(rows, tracks or {})
    lines = [
        "# Leaderboard",
        "",
        "Written by `subliminal-bench leaderboard` from the files in `entries/`; do not edit.",
        "",
        f"Protocol {protocol.label}, fingerprint `{protocol.fingerprint[:16]}`. Entries "
        "are compared seed by seed; means stand with their SD over seeds.",
        "",
        "- **prevention**: what is missing of plain distillation's trait at the entry's own "
        "KL, by the reader that finds most; with its 95 % interval.",
        "- **expressed, latent**: accuracy of the student's own class head, and of a head that "
        "is fitted to its body.",
        "- **final KL ratio**: on fresh noise against the baseline, geometric mean over seeds, "
        "with its upper 95 % bound; distillation counts as kept while that bound is below "
        f"{MARGIN:.2f}.",
        "- **prior**: what the entry presumes about the data. **twin's prevention**: what the "
        "same entry prevents with its mechanism switched off.",
        "- **verdict**: on fresh seeds, drawn after the source was fixed and run by others "
        "than the submitter ([how](../docs/verification.md)). All numbers are of the published "
        "seeds. Entries that were not verified are listed below, without a rank.",
        "- **=**: sign-flip tests of what each seed adds to the two preventions, "
        "Holm-corrected over the word's pairs.",
        *([ABOUT_COLUMN] if robust else []),
        "- [Every other word](../docs/glossary.md).",
    ]
    for level in levels:
        heading, about = ACCESS_WORDS[level.access]
        lines += ["", f"## {heading}", "", about, "", SORT_KEY, "", _table(level, robust)]
        lines += _reasons(level)
        lines += _marks(level)
    if tracks:
        lines += ["", "## Tracks", "", track_links(tracks)]
    lines += ["", "## Breaks", "", _breaks(rows)]
    lines += ["", "## What this table can resolve", "", _resolution(rows)]
    lines += ["", "## Provenance", "", _provenance(rows)]
    return "\n".join(lines) + "\n"


def _table(level: RankedLevel, robust: Mapping[str, str]) -> str:
    cells = [
        [*_cells(row), *([robust[row.run.mitigation.label]] if robust else [])]
        for row in level.rows
    ]
    headings = [*_HEADINGS, *(["robust"] if robust else [])]
    return tabulate(cells, headings, "github", disable_numparse=True)


def _cells(row: RankedEntry) -> list[str]:
    against, verdict = row.card.against_baseline, row.card.verdict
    rank = "–" if row.rank is None else f"{row.rank}{'=' if row.tied else ''}"
    return [
        rank,
        _name(row) + _mark(row),
        row_word(row),
        prevention_cell(row.card, verdict.prevention) + _best_known(row)
        if verdict
        else "reference",
        row.summary(EXPRESSED).show(METRICS[EXPRESSED]),
        row.summary(LATENT).show(METRICS[LATENT]),
        "1" if against is None else final_ratio(against),
        describe_seeds(row.card.seeds),
        literal(row.run.mitigation.prior),
        twin_said(row),
    ]


def _name(row: RankedEntry) -> str:
    return literal(row.run.mitigation.label)


def _mark(row: RankedEntry) -> str:
    return " †" if row.card.weights and row.card.weights.marks else ""


def prevention_cell(card: Scorecard, found: Prevention | None) -> str:
    """A prevention with its interval and its reader; a dash if it cannot be told."""
    if found is None:
        return "–"
    return f"{short.estimate(card, found)} ({short.interval(found)}), {short.reader(found)}"


def _best_known(row: RankedEntry) -> str:
    """The prevention that is left by the best known reader, and who found it."""
    if row.broken is None or row.prevention is None:
        return ""
    return f"; {short.percent(row.prevention)} by {literal(row.broken.reader.name)}, see below"


def _breaks(rows: Sequence[RankedEntry]) -> str:
    """The readers that found more than the verdict's, as a table."""
    cells = [
        [
            found.date,
            literal(found.reader.name),
            literal(found.reader.reference),
            _name(row),
            f"{short.percent(found.share)} ({_share(found.low)} to {_share(found.high)})",
            describe_seeds(found.seeds),
            literal(found.reader.title),
        ]
        for row in rows
        if (found := row.broken) is not None and found.share is not None
    ]
    if not cells:
        return (
            "No reader is known that finds more in an entry than the verdict's own. "
            "[Write one](../docs/readers.md)."
        )
    headings = ("date", "reader", "by", "entry", "share (95 %)", "seeds", "what it does")
    return tabulate(cells, headings, "github", disable_numparse=True)


def _share(bound: float | None) -> str:
    return "unbounded" if bound is None else short.percent(bound)


def _reasons(level: RankedLevel) -> list[str]:
    """Why the entries without a rank have none, one line for each reason."""
    names: dict[str, list[str]] = {}
    for row in level.rows:
        if row.rank is None:
            names.setdefault(literal(reason(row)), []).append(_name(row))
    if not names:
        return []
    lines = [f"- {', '.join(them)}: {reason}." for reason, them in names.items()]
    return ["", "Without a rank (–), listed last:", "", *lines]


def _marks(level: RankedLevel) -> list[str]:
    """What is unusual about the weights of entries, one line for each that is marked."""
    lines = [
        f"- {_name(row)}: {'; '.join(row.card.weights.marks)}."
        for row in level.rows
        if row.card.weights and row.card.weights.marks
    ]
    return ["", _MARKED, "", *lines] if lines else []


def _resolution(rows: Sequence[RankedEntry]) -> str:
    """One line on the preventions that the rows' seeds find."""
    found = [
        row.card.verdict.resolves
        for row in rows
        if row.card.verdict and row.card.verdict.resolves is not None
    ]
    if not found:
        return "There is no prevention to compare yet."
    counts = [len(row.card.seeds) for row in rows]
    seeds = f"{min(counts)} seeds"
    if min(counts) < max(counts):
        seeds = f"{min(counts)} to {max(counts)} seeds"
    return (
        f"With {seeds}, a prevention on every reader is found four times in five when it is at "
        f"least {short.percent(min(found))} to {short.percent(max(found))}, depending on how "
        "much the entry scatters (two-sided .05)."
    )


def _provenance(rows: Sequence[RankedEntry]) -> str:
    cells = [
        [
            _name(row),
            describe_seeds(row.card.seeds),
            blindness_of(row.run),
            verified_on(row),
            literal(row.standing.tuned.text) if row.standing and row.standing.tuned else "–",
            process_of(row.run),
            row.run.mitigation.source_sha256[:12],
            literal(row.run.environment.device_name),
            literal(row.run.environment.torch),
            commit_of(row.run),
            literal(row.run.mitigation.reference),
        ]
        for row in rows
    ]
    headings = (
        "entry",
        "seeds",
        "blindness",
        "verified",
        "tuned",
        "ran",
        "source",
        "device",
        "torch",
        "commit",
        "reference",
    )
    return tabulate(cells, headings, "github", disable_numparse=True)
