"""One run against another, seed by seed, and how its numbers are printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.arithmetic import Rounding, rounding_between
from subliminal_bench.scoring.columns import Columns
from subliminal_bench.scoring.statistics import NonInferiority, PairedDifference

# The significance level of every test of the plan.
ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """One run against another, on the same seeds.

    Attributes:
        entry: the run's name.
        reference: the other's name.
        trait: paired difference in trait accuracy, entry minus reference, as a fraction.
        adjusted_p: its p-value after Holm over all comparisons made together; None for one
            seed.
        distillation: the entry's final KL on fresh noise against the reference's; None if a
            student diverged.
        training_ratio: geometric mean over seeds of the training KLs' ratio; None likewise.
        lower_in: share of the seeds on which the entry has less trait; ties count half.
        together: the number of comparisons that Holm corrects for.
    """

    entry: str
    reference: str
    trait: PairedDifference
    adjusted_p: float | None
    distillation: NonInferiority | None
    training_ratio: float | None
    lower_in: float
    together: int

    @property
    def resolvable(self) -> bool:
        """Whether this number of seeds can resolve any difference, after the correction."""
        return self.together * self.trait.smallest_p <= ALPHA

    @property
    def resolves(self) -> float | None:
        """The difference that these seeds find four times in five, at the corrected level.

        It is the difference for a paired t test at .05 divided by the number of comparisons;
        None if the seeds resolve nothing.
        """
        if not self.resolvable or self.trait.sd is None:
            return None
        level = ALPHA / self.together
        found = statistics.resolvable_difference(self.trait.sd, self.trait.seeds, alpha=level)
        return found + self.trait.allowance

    @property
    def resolved(self) -> bool:
        """Whether the seeds tell the two apart."""
        return self.resolvable and self.adjusted_p is not None and self.adjusted_p <= ALPHA


def compare(pairs: Sequence[tuple[Columns, Columns]]) -> list[Comparison]:
    """Compare runs pair by pair, with Holm over all the pairs.

    Args:
        pairs: entry and reference each, all with the same seeds.
    """
    roundings = [rounding_between(entry.run, reference.run) for entry, reference in pairs]
    differences = [
        statistics.paired_difference(
            entry.trait_accuracy, reference.trait_accuracy, rounding_sd=rounding.trait
        )
        for (entry, reference), rounding in zip(pairs, roundings, strict=True)
    ]
    adjusted = statistics.holm(
        {
            position: difference.p_value
            for position, difference in enumerate(differences)
            if difference.p_value is not None
        }
    )
    found = []
    for position, (entry, reference) in enumerate(pairs):
        rounding = roundings[position]
        training = _kl_ratio(entry, reference, "kl_mean", rounding)
        found.append(
            Comparison(
                entry=entry.name,
                reference=reference.name,
                trait=differences[position],
                adjusted_p=adjusted.get(position),
                distillation=_kl_ratio(entry, reference, "kl_fresh", rounding),
                training_ratio=training.ratio if training else None,
                lower_in=statistics.probability_of_improvement(
                    entry.trait_accuracy, reference.trait_accuracy, better="low"
                ),
                together=len(pairs),
            )
        )
    return found


def _kl_ratio(
    entry: Columns,
    reference: Columns,
    metric: str,
    rounding: Rounding,
) -> NonInferiority | None:
    """Non-inferiority of one of the KLs; None if a student diverged."""
    ours, theirs = entry.sound(metric), reference.sound(metric)
    if len(ours) < len(entry.seeds) or len(theirs) < len(reference.seeds):
        return None
    return statistics.non_inferiority(ours, theirs, rounding_sd=rounding.log_kl)


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
