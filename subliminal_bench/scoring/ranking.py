"""The leaderboard's ranking: entries that their seeds do not tell apart share a rank.

Within an access level the order follows the words of the verdict, because they say what an
entry does, and within a word the prevention at equal distillation. So an entry that merely
stops earlier never stands above one that prevents. A verified entry stands under the word that
it earns on fresh seeds; what is paired and tied stays on the published ones, which all entries
have.

Besides the entries, this module reads the sources of the built-in references, which must match
the reference entries.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from subliminal_bench.errors import ResultError
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.card import ACCESS_LEVELS, Access
from subliminal_bench.results.breaks import BreakRecord, prevention_after
from subliminal_bench.results.entries import check_eligible, read_entry_files
from subliminal_bench.results.entry_names import is_built_in
from subliminal_bench.results.run import Run
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.columns import Column
from subliminal_bench.scoring.scorecard import Scorecard, Summary, build_scorecard
from subliminal_bench.scoring.standing import Standing, standings, word_after
from subliminal_bench.scoring.verdict import Verdict
from subliminal_bench.scoring.words import VerdictWord

# The words that have a rank, the best first. Plain distillation stands where it has no effect.
RANKED = (
    VerdictWord.REMOVES,
    VerdictWord.MITIGATES,
    VerdictWord.ATTENUATES,
    VerdictWord.HEAD_QUIETER,
    VerdictWord.HIDES,
    VerdictWord.SLOWS,
    VerdictWord.NO_EFFECT,
    VerdictWord.AMPLIFIES,
)
# The others, in the order in which they are listed below.
UNRANKED = tuple(word for word in VerdictWord if word not in RANKED)


@dataclass(frozen=True)
class RankedEntry:
    """One entry of the table.

    Attributes:
        card: the entry against its references, on the published seeds.
        rank: of its tie group within its access level; None if it is not ranked.
        tied: whether others share the rank.
        pareto: whether no ranked entry of its level has both more prevention and less KL.
        standing: what is known beyond its file; None if entries are ranked by their files
            alone.
    """

    card: Scorecard
    rank: int | None
    tied: bool
    pareto: bool
    standing: Standing | None = None

    @property
    def run(self) -> Run:
        """The entry."""
        return self.card.entry

    @property
    def is_refuted(self) -> bool:
        """Whether a claim about it does not hold."""
        return self.standing is not None and bool(self.standing.refuted)

    @property
    def hindrance(self) -> str:
        """Why it has no rank, if it is not for its word."""
        return self.standing.hindrance if self.standing else ""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on the seeds that decide its word; None for plain distillation."""
        return (self.standing and self.standing.verdict) or self.card.verdict

    @property
    def broken(self) -> BreakRecord | None:
        """What the best known reader found, if it finds more than the verdict's."""
        return self.standing.broken if self.standing else None

    @property
    def word(self) -> VerdictWord:
        """The word that it stands under; plain distillation's has no effect."""
        if self.verdict:
            return word_after(self.verdict.word, self.broken)
        return VerdictWord.NO_EFFECT if self.card.columns[0].is_read else VerdictWord.NOT_READ

    @property
    def prevention(self) -> float | None:
        """By the best known reader; 0 for plain distillation, None if it cannot be told."""
        if self.card.verdict is None:
            return 0.0
        found = self.card.verdict.prevention
        return prevention_after(found.estimate, self.broken) if found else None

    def summary(self, metric: str) -> Summary:
        """One of the entry's metrics, over the seeds of its card."""
        return self.card.summaries(metric)[0]


@dataclass(frozen=True)
class RankedLevel:
    """The entries of one access level: the best first, unranked entries last."""

    access: Access
    rows: tuple[RankedEntry, ...]


def rank_folder(root: Path) -> list[RankedLevel]:
    """Rank the verified entries in a leaderboard's folder.

    Raises:
        ResultError, ProtocolError: a file cannot be read, an entry is not eligible, or a
            reference is missing.
    """
    present = read_entry_files(root / "entries")
    return rank_entries(
        {label: run for label, (_, run) in present.items()}, standings(root, present)
    )


def rank_entries(
    entries: Mapping[str, Run], known: Mapping[str, Standing] | None = None
) -> list[RankedLevel]:
    """Sort entries into access levels, words and tie groups.

    Each entry is scored against the references on the seeds that all of them have.

    Args:
        entries: by name; baseline, projection and liminal must be among them.
        known: what is known beyond their files, by the same names; an entry that is not
            verified has no rank. By default the files alone decide.

    Raises:
        ResultError, ProtocolError: an entry is not eligible, or a reference is missing.
    """
    for run in entries.values():
        check_eligible(run)
    references = _references(entries)
    cards = {name: _score(run, references) for name, run in entries.items()}
    levels = []
    for access in ACCESS_LEVELS:
        members = {
            name: card for name, card in cards.items() if card.entry.mitigation.access == access
        }
        if members:
            levels.append(RankedLevel(access, tuple(_rows(members, known or {}))))
    return levels


def _references(entries: Mapping[str, Run]) -> dict[str, Run]:
    by_label = {run.mitigation.label: run for run in entries.values()}
    absent = [name for name in REFERENCES if name not in by_label]
    if absent:
        raise ResultError(f"the leaderboard needs the reference entries {', '.join(absent)}")
    for name in REFERENCES:
        if not is_built_in(by_label[name].mitigation):
            raise ResultError(
                f"entry {name!r} is not the built-in mitigation (its source differs): give it "
                "another name"
            )
    return {name: by_label[name] for name in REFERENCES}


def _score(run: Run, references: Mapping[str, Run]) -> Scorecard:
    others = {name: other for name, other in references.items() if other is not run}
    seeds = min(len(one.seeds) for one in (run, *others.values()))
    return build_scorecard(run.first(seeds), others)


def _rows(cards: Mapping[str, Scorecard], known: Mapping[str, Standing]) -> list[RankedEntry]:
    """Rank one level's entries; order and groups depend on the numbers alone."""
    rows = {
        name: RankedEntry(card, None, False, False, known.get(name))
        for name, card in cards.items()
    }
    words = {name: row.word for name, row in rows.items()}
    ranked = [name for name in rows if words[name] in RANKED and not rows[name].hindrance]
    best = _front({name: rows[name] for name in ranked})
    found: list[RankedEntry] = []
    for word in RANKED:
        for group in _groups({name: rows[name] for name in ranked if words[name] is word}):
            rank, tied = len(found) + 1, len(group) > 1
            found += [
                replace(rows[name], rank=rank, tied=tied, pareto=name in best) for name in group
            ]
    unranked = sorted(
        rows.keys() - set(ranked),
        key=lambda name: (
            rows[name].is_refuted,
            bool(rows[name].hindrance),
            (*RANKED, *UNRANKED).index(words[name]),
            -(rows[name].prevention or 0.0),
            name,
        ),
    )
    return found + [rows[name] for name in unranked]


def _groups(rows: Mapping[str, RankedEntry]) -> list[list[str]]:
    """Entries of one word in groups that share a rank, the largest prevention first.

    Two preventions are told apart by a sign-flip test of what their seeds add to them
    (`statistics.prevention_by_seed`), each by the reader that decides it, Holm-corrected over
    the word's pairs, on the seeds that all entries of the word have. Nothing tells entries
    apart whose prevention cannot be told; they share the last rank of the word.
    """
    found = {name: _by_seed(row) for name, row in rows.items()}
    known = {name: values for name, values in found.items() if values is not None}
    # All entries have seeds 1 to n, so the first values belong to the seeds that all have.
    seeds = min((len(values) for values in known.values()), default=0)
    groups = statistics.tie_groups(
        list(known), {name: values[:seeds] for name, values in known.items()}, better="high"
    )
    for group in groups:
        group.sort(key=lambda name: (-(rows[name].prevention or 0.0), name))
    rest = sorted(rows.keys() - known.keys())
    return [*groups, *([rest] if rest else [])]


def _by_seed(row: RankedEntry) -> Column | None:
    """What each seed adds to the prevention; None if that cannot be told."""
    card = row.card
    if card.verdict is None:
        return np.zeros(len(card.seeds))
    if card.equal is None or card.verdict.prevention is None or row.prevention is None:
        return None
    deciding = card.equal.share(card.verdict.prevention.deciding)
    # Every seed loses what the best known reader takes off the mean.
    lost = card.verdict.prevention.estimate - row.prevention
    return statistics.prevention_by_seed(deciding) - lost


def _front(rows: Mapping[str, RankedEntry]) -> set[str]:
    """The names that no other beats in both prevention and KL."""
    points: dict[str, tuple[float, float]] = {}
    for name, row in rows.items():
        prevented, against = row.prevention, row.card.against_baseline
        kept = against.distillation if against else None
        if prevented is not None and (against is None or kept):
            points[name] = (-prevented, kept.ratio if kept else 1.0)
    return statistics.pareto_front(points)
