"""The table of entries: its rows in groups, and what can be sorted and filtered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.reports import short
from subliminal_bench.reports.row_words import (
    ACCESS_WORDS,
    final_ratio,
    reason,
    row_word,
    twin_said,
    verified_on,
)
from subliminal_bench.scoring.ranking import RankedEntry, RankedLevel
from subliminal_bench.scoring.scorecard import Scorecard
from subliminal_bench.scoring.verdict import PREVENTING

Status = Literal["ranked", "refuted", "unverified", "unranked"]
# What the small drawing of a prevention spans.
_LOWEST, _HIGHEST = -0.5, 1.0


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and what it is sorted by; None sorts last."""

    text: str
    key: float | None
    beside: str = ""


@dataclass(frozen=True)
class Whisker:
    """A prevention and its interval as places in a drawing, in per cent of its width."""

    low: float
    middle: float
    high: float
    zero: float = 100 * -_LOWEST / (_HIGHEST - _LOWEST)


@dataclass(frozen=True)
class TableRow:
    """An entry in the table.

    Attributes:
        slug: the name of its page.
        label: its name and changed settings.
        title: of its mitigation.
        status: ranked, or why it is not.
        rank: as printed; empty without a rank.
        tie: what all entries of its tie group have in common; empty if it is alone.
        tied: how many share its rank.
        word: as printed.
        kind: the word that it stands under, to filter by.
        prevents: whether that word says that it prevents anything.
        access: its access level.
        prior: what it presumes about the data.
        prevention: at the same KL.
        whisker: a drawing of that; None if it cannot be told.
        expressed: mean over seeds, in per cent.
        latent: likewise.
        kl: final KL to the baseline's.
        twin: what its twin prevents.
        verified: by whom it was run.
        why: it has no rank; empty if it has one.
    """

    slug: str
    label: str
    title: str
    status: Status
    rank: str
    tie: str
    tied: int
    word: str
    kind: str
    prevents: bool
    access: str
    prior: str
    prevention: Cell
    whisker: Whisker | None
    expressed: Cell
    latent: Cell
    kl: Cell
    twin: str
    verified: str
    why: str


@dataclass(frozen=True)
class Group:
    """Rows that are sorted among themselves.

    Attributes:
        name: of the group.
        about: what its entries have in common.
        rows: in their order.
    """

    name: str
    about: str
    rows: tuple[TableRow, ...]


_APART: dict[Status, str] = {
    "refuted": "Refuted",
    "unverified": "Not verified",
    "unranked": "Without a rank for their word",
}


def ranked_groups(levels: Sequence[RankedLevel]) -> list[Group]:
    """The ranked entries, by access level: those of two levels are never compared."""
    groups = [Group(*ACCESS_WORDS[level.access], _rows(level, ranked=True)) for level in levels]
    return [group for group in groups if group.rows]


def groups_apart(levels: Sequence[RankedLevel]) -> list[Group]:
    """The entries without a rank, by the kind of reason; a common reason stands above them."""
    rows = [row for level in levels for row in _rows(level, ranked=False)]
    groups = []
    for status, name in _APART.items():
        found = tuple(row for row in rows if row.status == status)
        reasons = {row.why for row in found}
        common = reasons.pop() if len(reasons) == 1 else ""
        about = f"{common[:1].upper()}{common[1:]}." if common else "Each row says why."
        if found:
            groups.append(Group(name, about, found))
    return groups


def _rows(level: RankedLevel, *, ranked: bool) -> tuple[TableRow, ...]:
    return tuple(
        table_row(row, level) for row in level.rows if (row.rank is not None) is ranked
    )


def table_row(row: RankedEntry, level: RankedLevel) -> TableRow:
    """An entry of a level as a row."""
    tied = [other for other in level.rows if row.tied and other.rank == row.rank]
    card, mitigation = row.card, row.run.mitigation
    return TableRow(
        slug=mitigation.file_stem,
        label=mitigation.label,
        title=mitigation.title,
        status=_status(row),
        rank="" if row.rank is None else f"{row.rank}{' =' if row.tied else ''}",
        tie=f"{level.access}-{row.rank}" if tied else "",
        tied=len(tied),
        word=row_word(row),
        kind=row_word(row) if row.verdict is None else row.word.value,
        prevents=row.word in PREVENTING and not row.is_refuted,
        access=level.access,
        prior=mitigation.prior,
        prevention=prevention_cell(card, row),
        whisker=_whisker(card),
        expressed=reading_cell(card, EXPRESSED),
        latent=reading_cell(card, LATENT),
        kl=kl_cell(card),
        twin=twin_said(row),
        verified=verified_on(row),
        why="" if row.rank is not None else reason(row),
    )


def _status(row: RankedEntry) -> Status:
    if row.rank is not None:
        return "ranked"
    if row.is_refuted:
        return "refuted"
    return "unverified" if row.hindrance else "unranked"


def prevention_cell(card: Scorecard, row: RankedEntry | None = None) -> Cell:
    """The prevention at the same KL; by the best known reader, if there is a row.

    Args:
        card: of an entry.
        row: the entry on the leaderboard.
    """
    verdict = card.verdict
    if verdict is None:
        return Cell("reference", 0.0)
    if verdict.prevention is None:
        return Cell("–", None, short.why_none(card, verdict))
    found = verdict.prevention
    beside = f"{short.interval(found)}, {short.reader(found)}"
    if row is None or row.broken is None or row.prevention is None:
        return Cell(short.estimate(card, found), found.estimate, beside)
    return Cell(
        short.percent(row.prevention),
        row.prevention,
        f"by {row.broken.reader.name}; by the verdict's own {short.percent(found.estimate)}",
    )


def reading_cell(card: Scorecard, name: str) -> Cell:
    """A reading's mean over the seeds, in per cent, and its SD."""
    summary = card.summaries(name)[0]
    if summary.mean is None:
        return Cell("–", None)
    shown = summary.show(METRICS[name]).partition(" ± ")
    return Cell(shown[0], summary.mean, f"± {shown[2]}" if shown[2] else "")


def kl_cell(card: Scorecard) -> Cell:
    """The final KL to the baseline's."""
    against = card.against_baseline
    if against is None:
        return Cell("×1", 1.0)
    kept = against.distillation
    shown = final_ratio(against).partition(" (")
    ratio = f"×{shown[0]}" if kept else shown[0]
    return Cell(ratio, kept.ratio if kept else None, shown[2].rstrip(")"))


def _whisker(card: Scorecard) -> Whisker | None:
    found = card.verdict.prevention if card.verdict else None
    if found is None:
        return None
    low, middle, high = (
        100 * (min(max(one, _LOWEST), _HIGHEST) - _LOWEST) / (_HIGHEST - _LOWEST)
        for one in (found.low, found.estimate, found.high)
    )
    return Whisker(round(low, 1), round(middle, 1), round(high, 1), round(Whisker.zero, 1))
