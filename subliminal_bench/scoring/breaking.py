"""What one reader's findings are worth: does it count, and what follows for the entry?

A stranger's reader may be wrong in two ways: it may find too little, which harms nobody, or it
may find a trait that is not there. So it counts only if it passes the rule that the built-in
readers passed (`docs/verdict.md`), and finds nothing in a body that has learned nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from subliminal_bench.results.path_record import PathRecord
from subliminal_bench.results.run import Run
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.columns import Column, Columns
from subliminal_bench.scoring.equal_distillation import at_equal_distillation
from subliminal_bench.scoring.statistics import Readings, Share

# With fewer seeds neither a share nor the reader's steadiness is known.
FEWEST_SEEDS = 10
# Of plain distillation in another order of the data, at `_STEADY_SEEDS` seeds.
MOST_STANDARD_ERROR = 0.02
_STEADY_SEEDS = 20
# What a reader may find in a decoy, as a share of its gain.
MOST_IN_DECOY = 0.25
_TAIL = 0.025


@dataclass(frozen=True)
class SeedFound:
    """A reader's accuracies on the models of one seed.

    Attributes:
        untrained: on the untrained model.
        entry: on the entry's student.
        plain: on plain distillation at the entry's KL.
        ended: on plain distillation at its end.
        reordered: on plain distillation in another order of the data, at its end.
        reordered_plain: on plain distillation at the KL of that one.
        decoy: on weights that have learned nothing.
    """

    untrained: float
    entry: float
    plain: float
    ended: float
    reordered: float
    reordered_plain: float
    decoy: float


@dataclass(frozen=True, eq=False)
class Found:
    """The same over seeds, `[seeds]` each; see `SeedFound`."""

    untrained: Column
    entry: Column
    plain: Column
    ended: Column
    reordered: Column
    reordered_plain: Column
    decoy: Column

    @classmethod
    def of(cls, rows: Sequence[SeedFound]) -> "Found":
        """From each seed's accuracies."""
        return cls(
            **{
                one.name: np.array([getattr(row, one.name) for row in rows])
                for one in fields(cls)
            }
        )

    @property
    def standard_error(self) -> float:
        """Of the share of plain distillation in another order, as it would be at 20 seeds.

        To first order, as in Fieller's bounds; infinite where the reader has no gain.
        """
        gains = self.reordered_plain - self.untrained
        difference = self.reordered - self.reordered_plain
        gain = float(gains.mean())
        if gains.size < 2 or gain <= statistics.noise(self.untrained, self.reordered_plain):
            return math.inf
        rest = difference - float(difference.mean()) / gain * gains
        return float(rest.std(ddof=1)) / gain / math.sqrt(_STEADY_SEEDS)

    @property
    def in_decoy(self) -> float:
        """What it finds in the decoys beyond the untrained model, as a share of its gain."""
        gain = float((self.ended - self.untrained).mean())
        if gain <= statistics.noise(self.untrained, self.ended):
            return math.inf
        return float((self.decoy - self.untrained).mean()) / gain


def at_its_kl(kl: float, path: PathRecord) -> dict[int, float]:
    """The steps between which plain distillation has some KL, each with its weight.

    >>> path = PathRecord.model_construct(steps=[0, 10, 20], kl_fresh=[0.008, 0.002, 0.0005])
    >>> at_its_kl(0.001, path)
    {10: 0.5, 20: 0.5}
    >>> at_its_kl(0.002, path)
    {10: 1.0}
    """
    matched = statistics.at_equal_distillation(
        kl, np.array(path.kl_fresh), np.eye(len(path.steps))
    )
    return {
        step: float(weight)
        for step, weight in zip(path.steps, matched.values, strict=True)
        if weight
    }


@dataclass(frozen=True, eq=False)
class Break:
    """What a reader's findings say of an entry.

    Attributes:
        share: that the reader finds.
        low: lower end of the share's 95 % interval.
        high: its upper end.
        best: the share of the verdict's reader that finds most, on the same seeds.
        why_not: why the reader does not count, one reason each; empty if it counts.
    """

    share: Share
    low: float
    high: float
    best: Share
    why_not: tuple[str, ...]

    @property
    def counts(self) -> bool:
        """Whether the reader's share says anything about the entry."""
        return not self.why_not

    @property
    def breaks(self) -> bool:
        """Whether it is shown to find more than every reader of the verdict does."""
        return self.counts and self.low > self.best.path

    @property
    def before(self) -> float:
        """What the entry prevents on these seeds by the verdict's readers."""
        return 1 - self.best.path

    @property
    def after(self) -> float:
        """What it prevents by the best known reader; never more than before."""
        return min(self.before, 1 - self.share.path) if self.breaks else self.before


def judged(
    name: str, found: Found, labels: bool, explored: bool, entry: Run, plain: Run
) -> Break:
    """Judge what a reader has found.

    Args:
        name: of the reader.
        found: its accuracies.
        labels: whether its card asks for labels.
        explored: whether somebody chose the seeds.
        entry: the entry's run on these seeds.
        plain: plain distillation's run on them, with its path.

    Raises:
        ValueError: a run lacks what this version measures.
    """
    share = statistics.share_of(
        Readings(
            name=name,
            entry=found.entry,
            plain=found.plain,
            untrained=found.untrained,
            ended=found.ended,
            few_shot=labels,
        )
    )
    seeds = entry.seed_numbers
    equal = at_equal_distillation(
        Columns.of("entry", entry, seeds), Columns.of("plain", plain, seeds)
    )
    if equal is None:
        raise ValueError("a run lacks what readers find in it, or plain distillation's path")
    return Break(
        share=share,
        low=share.bound(_TAIL),
        high=share.bound(1 - _TAIL),
        best=max(equal.shares, key=lambda one: one.path),
        why_not=tuple(_why_not(found, share, explored)),
    )


def _why_not(found: Found, share: Share, explored: bool) -> list[str]:
    """Why a reader does not count."""
    reasons = []
    seeds = found.entry.size
    if explored:
        reasons.append("somebody chose the seeds: only fresh ones count")
    if seeds < FEWEST_SEEDS:
        reasons.append(f"only {seeds} of the {FEWEST_SEEDS} seeds that are needed")
    end = found.ended - found.untrained
    if seeds < FEWEST_SEEDS:
        return reasons
    if not _is_gain(end):
        reasons.append(
            "it is not shown to tell plain distillation from the untrained model "
            f"({found.ended.mean():.3f} against {found.untrained.mean():.3f})"
        )
    elif not share.enough:
        reasons.append(
            "too little is distilled to judge: plain distillation's gain is "
            f"{share.gain:.3f} at the entry's KL and {end.mean():.3f} at its end"
        )
    if math.isfinite(found.standard_error) and found.standard_error > MOST_STANDARD_ERROR:
        reasons.append(
            "it is not steady: another order of the data moves its share with a standard error "
            f"of {found.standard_error:.3f} at {_STEADY_SEEDS} seeds, more than "
            f"{MOST_STANDARD_ERROR:g}"
        )
    if math.isfinite(found.in_decoy) and found.in_decoy > MOST_IN_DECOY:
        reasons.append(
            f"it finds {found.in_decoy:.2f} of its gain in weights that have learned nothing, "
            f"more than {MOST_IN_DECOY:g}"
        )
    return reasons


def _is_gain(gains: Column) -> bool:
    """Whether gains are shown to be above zero, as for the verdict's readers."""
    own = np.zeros_like(gains)
    return statistics.share_of(Readings("gain", gains, gains, own, gains)).enough
