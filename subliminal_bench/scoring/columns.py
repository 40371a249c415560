"""A run's metrics as columns of numbers, made once for all comparisons and verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subliminal_bench.results.run import Run
from subliminal_bench.scoring import statistics

Column = NDArray[np.float64]

# A diverged student counts with this accuracy, as if it had learned the trait completely.
WORST_ACCURACY = 1.0


@dataclass(frozen=True, eq=False)
class Columns:
    """Every metric of a run, over the seeds that are compared.

    Attributes:
        name: of the run among the others.
        run: where the values come from.
        seeds: in the order of the columns.
        values: by metric, `[seeds]`, unscaled; nan if the student diverged.
        trait_accuracy: `[seeds]`; a diverged student has the worst value, and is never dropped.
    """

    name: str
    run: Run
    seeds: tuple[int, ...]
    values: dict[str, Column]
    trait_accuracy: Column

    @classmethod
    def of(cls, name: str, run: Run, seeds: Sequence[int]) -> "Columns":
        """The columns of a run that has all these seeds."""
        kept = run.columns(seeds)
        trait = statistics.worst_score_for_diverged(kept["trait_accuracy"], WORST_ACCURACY)
        values = {metric: np.array(column, dtype=float) for metric, column in kept.items()}
        return cls(name, run, tuple(seeds), values, trait)

    @property
    def is_read(self) -> bool:
        """Whether every seed has what readers find in the body."""
        return all(one.is_read for one in self.run.seeds if one.seed in self.seeds)

    def sound(self, metric: str) -> Column:
        """The values of the seeds that did not diverge."""
        column = self.values[metric]
        return column[~np.isnan(column)]

    def mean(self, metric: str) -> float:
        """Mean over the seeds that did not diverge; nan if there are none."""
        sound = self.sound(metric)
        return float(sound.mean()) if len(sound) else float("nan")
