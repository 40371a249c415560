"""The scorecard of a mitigation beside its references, on the same seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from subliminal_bench.errors import ResultError
from subliminal_bench.metrics import Metric
from subliminal_bench.results import ProtocolRecord, Run, same_protocol
from subliminal_bench.seeds import describe
from subliminal_bench.statistics import NonInferiority
from subliminal_bench.verdict import Comparison, Verdict, compare, distillation, judge

BASELINE = "baseline"
REFERENCES = (BASELINE, "projection", "liminal")


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation of a metric over the seeds that have it."""

    mean: float | None
    sd: float | None

    @classmethod
    def of(cls, values: Sequence[float | None]) -> "Summary":
        """Over the values that are there: none of a seed that diverged."""
        sound = np.array([value for value in values if value is not None], dtype=float)
        return cls(
            float(sound.mean()) if len(sound) else None,
            float(sound.std(ddof=1)) if len(sound) > 1 else None,
        )

    def show(self, metric: Metric) -> str:
        """Mean ± SD as printed everywhere.

        >>> Summary.of([0.5, 0.6]).show(METRICS["trait_accuracy"])
        '55.00 ± 7.07'
        """
        if self.mean is None:
            return "—"
        spread = f" ± {metric.show(self.sd)}" if self.sd is not None else ""
        return metric.show(self.mean) + spread


@dataclass(frozen=True)
class Scorecard:
    """Everything that the pages about one entry show.

    Attributes:
        entry: the entry's run.
        references: runs over the same seeds, by name.
        sources: where a reference's numbers are from, where they were not run here.
        comparisons: the entry against each reference.
        distillation: the entry's final KL against the baseline's; None for the baseline itself
            and where a student diverged.
        verdict: None for the baseline itself.
    """

    entry: Run
    references: Mapping[str, Run]
    sources: Mapping[str, str]
    comparisons: tuple[Comparison, ...]
    distillation: NonInferiority | None
    verdict: Verdict | None

    @property
    def protocol(self) -> ProtocolRecord:
        """The protocol that all runs share."""
        return self.entry.protocol

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds compared."""
        return self.entry.seed_numbers

    def runs(self) -> list[tuple[str, Run]]:
        """The entry and its references, in the order of the columns."""
        return [(self.entry.mitigation.name, self.entry), *self.references.items()]

    def summaries(self, metric: str) -> list[Summary]:
        """One metric of every run, over the entry's seeds."""
        return [Summary.of(run.column(metric, self.seeds)) for _, run in self.runs()]

    def diverged(self) -> dict[str, list[int]]:
        """Seeds that diverged, by run; runs without any are left out."""
        found = {
            name: [
                result.seed
                for result in run.seeds
                if result.diverged_at is not None and result.seed in self.seeds
            ]
            for name, run in self.runs()
        }
        return {name: seeds for name, seeds in found.items() if seeds}


def build(
    entry: Run, references: Mapping[str, Run], sources: Mapping[str, str] | None = None
) -> Scorecard:
    """Score an entry against references.

    Args:
        entry: the run to score.
        references: runs by name, in the order of their columns.
        sources: where a reference's numbers are from, where that needs saying.

    Raises:
        ProtocolError: the runs are from different protocols.
        ResultError: a reference lacks one of the entry's seeds.
    """
    same_protocol([entry, *references.values()])
    for name, reference in references.items():
        lacking = set(entry.seed_numbers) - set(reference.seed_numbers)
        if lacking:
            raise ResultError(
                f"{name} lacks seeds {describe(lacking)} of {entry.mitigation.name}: seeds are "
                "compared one by one"
            )
    comparisons = tuple(compare(entry, references))
    baseline = references.get(BASELINE)
    against = next((one for one in comparisons if one.reference == BASELINE), None)
    return Scorecard(
        entry=entry,
        references=references,
        sources=sources or {},
        comparisons=comparisons,
        distillation=distillation(entry, baseline) if baseline else None,
        verdict=judge(entry, baseline, against) if baseline and against else None,
    )
