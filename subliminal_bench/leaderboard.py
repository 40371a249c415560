"""The leaderboard: entries of the canonical protocol, ranked by what their seeds tell apart.

Only the entries' files are read, so the same files give the same page.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from subliminal_bench import scorecard, shipped, statistics
from subliminal_bench.access import ACCESS_LEVELS, Access
from subliminal_bench.errors import ProtocolError, ResultError
from subliminal_bench.protocol import MNIST
from subliminal_bench.reference_names import REFERENCES
from subliminal_bench.results import ProtocolRecord, Run
from subliminal_bench.scorecard import Scorecard, Summary
from subliminal_bench.seeds import describe
from subliminal_bench.verdict import Word, trait_accuracy

# The first of the plan's looks: below it a row says too little to stand in the table.
FEWEST_SEEDS = 20
# What suppresses the trait by breaking the student stands below the table, without a rank.
UNRANKED = (Word.DAMAGE, Word.NOT_DISTILLING)


@dataclass(frozen=True)
class Row:
    """One entry of the table.

    Attributes:
        card: the entry against its references.
        rank: of its tie group within its access level; None where it has none.
        tied: whether others share the rank.
        pareto: no ranked entry of its level has both less trait and less KL.
    """

    card: Scorecard
    rank: int | None
    tied: bool
    pareto: bool

    @property
    def run(self) -> Run:
        """The entry."""
        return self.card.entry

    def summary(self, metric: str) -> Summary:
        """One of the entry's metrics, over the seeds of its card."""
        return self.card.summary(self.run, metric)


@dataclass(frozen=True)
class Level:
    """The entries of one access level: best first, the unranked ones last."""

    access: Access
    rows: tuple[Row, ...]


def eligible(run: Run) -> None:
    """Whether a run may stand in the table.

    Raises:
        ProtocolError: it is not from the canonical protocol of this version.
        ResultError: its seeds are not 1 to n, or are too few, or were not fixed beforehand; or
            it sees what it should not.
    """
    expected = ProtocolRecord.of(MNIST)
    name = run.mitigation.name
    if run.protocol != expected:
        ours = run.protocol.label
        detail = f"{ours} with another fingerprint" if ours == expected.label else ours
        raise ProtocolError(f"{name} is from {detail}; a leaderboard takes {expected.label}")
    if run.blindness and not run.blindness.shown:
        raise ResultError(
            f"{name} declares access 'blind', but other audit and test digits change its "
            f"student of seed {run.blindness.seed}"
        )
    if run.looks:
        raise ResultError(
            f"{name} was run with --stop-early: the leaderboard compares numbers of seeds that "
            "were fixed beforehand; run it without, into another --store"
        )
    count = len(run.seeds)
    wanted = tuple(range(1, count + 1))
    if run.seed_numbers != wanted:
        lacking = set(range(1, max(run.seed_numbers) + 1)) - set(run.seed_numbers)
        raise ResultError(
            f"{name} lacks seeds {describe(lacking)}: an entry has seeds 1 to n, as planned"
        )
    if count < FEWEST_SEEDS:
        raise ResultError(f"{name} has {count} seeds; an entry needs at least {FEWEST_SEEDS}")


def rank(entries: Mapping[str, Run]) -> list[Level]:
    """Sort entries into access levels and tie groups.

    Each entry is scored against the references over the seeds that all of them have.

    Args:
        entries: by name; baseline, projection and liminal must be among them.

    Raises:
        ResultError, ProtocolError: an entry is not eligible, or a reference is missing.
    """
    for run in entries.values():
        eligible(run)
    references = _references(entries)
    cards = {name: _score(run, references) for name, run in entries.items()}
    levels = []
    for access in ACCESS_LEVELS:
        members = {
            name: card for name, card in cards.items() if card.entry.mitigation.access == access
        }
        if members:
            levels.append(Level(access, tuple(_rows(members))))
    return levels


def _references(entries: Mapping[str, Run]) -> dict[str, Run]:
    by_label = {run.mitigation.label: run for run in entries.values()}
    absent = [name for name in REFERENCES if name not in by_label]
    if absent:
        raise ResultError(f"the leaderboard needs the reference entries {', '.join(absent)}")
    for name in REFERENCES:
        built_in = (shipped.folder("plugins") / f"{name}.py").read_bytes()
        if by_label[name].mitigation.source_sha256 != hashlib.sha256(built_in).hexdigest():
            raise ResultError(
                f"entry {name!r} is not the built-in one (its source differs): another "
                "mitigation needs another name"
            )
    return {name: by_label[name] for name in REFERENCES}


def _score(run: Run, references: Mapping[str, Run]) -> Scorecard:
    others = {name: other for name, other in references.items() if other is not run}
    seeds = min(len(one.seeds) for one in (run, *others.values()))
    return scorecard.build(run.first(seeds), others)


def _rows(cards: Mapping[str, Scorecard]) -> list[Row]:
    """Rank one level's entries; order and groups depend on the numbers alone."""
    ranked = [name for name, card in cards.items() if not _is_unranked(card)]
    seeds = min((len(cards[name].seeds) for name in ranked), default=0)
    values = {name: trait_accuracy(cards[name].entry, range(1, seeds + 1)) for name in ranked}
    groups = statistics.tie_groups(ranked, values) if ranked else []
    kls = {name: _mean_kl(cards[name], range(1, seeds + 1)) for name in ranked}
    best = statistics.pareto_front(
        {name: (float(values[name].mean()), kl) for name, kl in kls.items() if kl is not None}
    )
    rows, position = [], 1
    for group in groups:
        rows += [Row(cards[name], position, len(group) > 1, name in best) for name in group]
        position += len(group)
    unranked = sorted(
        set(cards) - set(ranked), key=lambda name: (_mean_trait(cards[name]), name)
    )
    return rows + [Row(cards[name], None, False, False) for name in unranked]


def _is_unranked(card: Scorecard) -> bool:
    return card.verdict is not None and card.verdict.word in UNRANKED


def _mean_trait(card: Scorecard) -> float:
    return float(trait_accuracy(card.entry, card.seeds).mean())


def _mean_kl(card: Scorecard, seeds: Sequence[int]) -> float | None:
    """Geometric mean of the final KL on fresh noise; None where a student diverged."""
    values = card.entry.column("kl_fresh", seeds)
    sound = [value for value in values if value is not None]
    if len(sound) < len(values):
        return None
    return float(np.exp(np.mean(np.log(sound))))
