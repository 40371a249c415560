"""The scorecard: a mitigation beside the baseline, metric by metric, on the same seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from subliminal_bench.metrics import METRICS, Metric

# The order of the rows.
ROWS = tuple(METRICS)


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation of a metric over seeds; None where too few are left."""

    mean: float | None
    sd: float | None

    @classmethod
    def of(cls, values: Sequence[float | None]) -> "Summary":
        """Over the seeds that did not diverge."""
        sound = np.array([value for value in values if value is not None], dtype=float)
        return cls(
            float(sound.mean()) if len(sound) else None,
            float(sound.std(ddof=1)) if len(sound) > 1 else None,
        )

    def show(self, metric: Metric) -> str:
        """Mean ± SD as printed everywhere."""
        if self.mean is None:
            return "—"
        return metric.show(self.mean) + (
            f" ± {metric.show(self.sd)}" if self.sd is not None else ""
        )
