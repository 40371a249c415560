"""SPLIT FROM verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.results.run import Run
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.statistics import (
    NonInferiority,
    PairedDifference,
    SequentialDesign,
)

# The plan's numbers.
ALPHA = 0.05
# Once a student's divergence is counted, it has this accuracy: everything learned.
WORST_ACCURACY = 1.0


@dataclass(frozen=True)
class Comparison:
    """One run against another, on the same seeds.

    Attributes:
        entry: the run's name.
        reference: the other's name.
        trait: paired difference in trait accuracy, entry minus reference, as a fraction.
        adjusted_p: its p-value after Holm over all comparisons made together; None for one
            seed.
        distillation: the entry's final KL on fresh noise against the reference's; None where
            a student diverged.
        training_ratio: geometric mean over seeds of the training KLs' ratio; None likewise.
        lower_in: share of the seeds on which the entry has less trait, ties half.
        together: how many comparisons Holm corrects for.
        design: of the looks that these hold for; None where the number of seeds was fixed.
    """

    entry: str
    reference: str
    trait: PairedDifference
    adjusted_p: float | None
    distillation: NonInferiority | None
    training_ratio: float | None
    lower_in: float
    together: int
    design: SequentialDesign | None = None

    @property
    def resolvable(self) -> bool:
        """Whether these seeds could tell any two runs apart, after the correction."""
        return self.together * self.trait.smallest_p <= ALPHA

    @property
    def resolves(self) -> float | None:
        """The difference that these seeds find four times in five, at the corrected level.

        That of the paired t test at .05 over the number of comparisons; None where the seeds
        resolve nothing.
        """
        if not self.resolvable or self.trait.sd is None:
            return None
        level = ALPHA / self.together
        if self.design:
            level = self.design.level(self.trait.seeds, level)
        return statistics.resolvable_difference(self.trait.sd, self.trait.seeds, alpha=level)

    @property
    def resolved(self) -> bool:
        """Whether the seeds tell the two apart."""
        return self.resolvable and self.adjusted_p is not None and self.adjusted_p <= ALPHA


def trait_accuracy(run: Run, seeds: Sequence[int]) -> NDArray[np.float64]:
    """Trait accuracies `[seeds]`; a diverged student has the worst, and is never dropped."""
    return statistics.worst_score_for_diverged(
        run.column("trait_accuracy", seeds), worst=WORST_ACCURACY
    )


def compare(
    pairs: Sequence[tuple[str, Run, str, Run]],
    seeds: Sequence[int],
    design: SequentialDesign | None = None,
) -> list[Comparison]:
    """Compare runs pair by pair on the same seeds, with Holm over all the pairs.

    Args:
        pairs: name and run of the entry, name and run of its reference.
        seeds: the seeds that all of them have.
        design: of the looks, where the number of seeds was not fixed beforehand; `seeds` are
            then those of one of them.
    """
    differences = [
        _difference(trait_accuracy(entry, seeds), trait_accuracy(other, seeds), design)
        for _, entry, _, other in pairs
    ]
    known = {
        str(position): difference.p_value
        for position, difference in enumerate(differences)
        if difference.p_value is not None
    }
    adjusted = statistics.holm(known)
    found = []
    for position, (entry_name, entry, reference_name, reference) in enumerate(pairs):
        training = kl_ratio(entry, reference, "kl_mean", seeds)
        found.append(
            Comparison(
                entry=entry_name,
                reference=reference_name,
                trait=differences[position],
                adjusted_p=adjusted.get(str(position)),
                distillation=kl_ratio(entry, reference, "kl_fresh", seeds, design),
                training_ratio=training.ratio if training else None,
                lower_in=statistics.probability_of_improvement(
                    trait_accuracy(entry, seeds), trait_accuracy(reference, seeds), better="low"
                ),
                together=len(pairs),
                design=design,
            )
        )
    return found


def _difference(
    entry: NDArray[np.float64], reference: NDArray[np.float64], design: SequentialDesign | None
) -> PairedDifference:
    if design is None:
        return statistics.paired_difference(entry, reference)
    return statistics.repeated_paired_difference(entry, reference, design)


def kl_ratio(
    entry: Run,
    reference: Run,
    metric: str,
    seeds: Sequence[int],
    design: SequentialDesign | None = None,
) -> NonInferiority | None:
    """Non-inferiority of one of the KLs; None where a student diverged."""
    columns = (entry.column(metric, seeds), reference.column(metric, seeds))
    ours, theirs = ([value for value in one if value is not None] for one in columns)
    if len(ours) < len(seeds) or len(theirs) < len(seeds):
        return None
    if design is None:
        return statistics.non_inferiority(ours, theirs)
    return statistics.repeated_non_inferiority(ours, theirs, design)


def show_p(p_value: float | None) -> str:
    """A p-value as it is printed everywhere.

    >>> show_p(0.04321), show_p(0.00002), show_p(None)
    ('0.0432', '<0.0001', '—')
    """
    if p_value is None:
        return "—"
    return "<0.0001" if p_value < 0.0001 else f"{p_value:.4f}"


def show_interval(trait: PairedDifference) -> str:
    """The interval of a difference in trait accuracy, in points, as printed everywhere."""
    if trait.low is None or trait.high is None:
        return "—"
    points = METRICS["trait_accuracy"]
    low, high = (points.show(end, signed=True) for end in (trait.low, trait.high))
    return f"{low} to {high}"
