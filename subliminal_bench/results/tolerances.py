"""Tolerances: how far a rerun seed may be from its reference number, given float chaos.

Training is chaotic: a difference in the last bit grows over a few hundred steps, so a different
thread count or machine changes a seed's final numbers a little. `docs/regression.md` describes
the measurement; its differences are in `leaderboard/tolerances/`, one file per protocol.
"""

import math
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, FiniteFloat

from subliminal_bench.errors import NoSuchFileError, ResultError
from subliminal_bench.experiment.metrics import EVERY_METRIC, METRICS, SKILL_METRICS
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.tracks import varied_by
from subliminal_bench.results.jsonfile import Line, StrictRecord, read_record
from subliminal_bench.results.run import ProtocolRecord

# A single seed may differ by this many times the largest measured difference.
SINGLE = 3.0
# The mean of n seeds may differ by this many standard deviations, sigma / sqrt(n).
MEAN = 10.0
# A value that no measured rounding changed may still differ in its last digits.
_RELATIVE = 5e-6
# A change of a counted metric by one is never a regression by itself. Such metrics are shares
# of about a thousand images or a few hundred steps, and the number of predicted classes.
_FLOORS = {"percent": 0.004, "count": 1.0}


class Chaos(StrictRecord):
    """The changes of a metric under a different rounding.

    Attributes:
        variant: how the rounding was changed.
        entry: the mitigation.
        metric: the metric.
        differences: rerun minus reference, one per seed.
    """

    variant: Line
    entry: Line
    metric: Line
    differences: Annotated[list[FiniteFloat], Field(min_length=1)]

    @property
    def root_mean_square(self) -> float:
        """Root mean square of the differences."""
        return math.sqrt(
            math.fsum(one * one for one in self.differences) / len(self.differences)
        )

    @property
    def largest(self) -> float:
        """The largest difference, without its sign."""
        return max(map(abs, self.differences))


class Tolerances(StrictRecord):
    """All differences measured under a protocol.

    >>> from subliminal_bench.experiment.protocol import MNIST_5K
    >>> from subliminal_bench import shipped
    >>> measured = read_tolerances(shipped.folder("leaderboard"), MNIST_5K)
    >>> measured.mean("baseline", "kl_mean", 1e-3, seeds=4) < 1e-3
    True
    """

    # The largest measured so far has 132 kB.
    most_bytes: ClassVar[int] = 2**22

    schema_version: Literal[1]
    protocol: ProtocolRecord
    chaos: list[Chaos]

    def has(self, metric: str) -> bool:
        """Whether the metric was measured; those of a later schema may not have been."""
        return any(one.metric == metric for one in self.chaos)

    def single(self, entry: str, metric: str, value: float) -> float:
        """The largest allowed change of one seed's value."""
        return max(
            _floor(metric, value), SINGLE * max(one.largest for one in self._of(entry, metric))
        )

    def mean(self, entry: str, metric: str, value: float, seeds: int) -> float:
        """The largest allowed change of the mean of some seeds."""
        sigma = self.sigma(entry, metric)
        return max(_floor(metric, value), MEAN * sigma) / math.sqrt(seeds)

    def sigma(self, entry: str, metric: str) -> float:
        """The root mean square of what another rounding adds to one seed's value."""
        # Some roundings change nothing; a rerun may have the rounding that changes most.
        return max(one.root_mean_square for one in self._of(entry, metric))

    def scatter(self, entry: str, metric: str, value: float) -> float:
        """`sigma`, but never less than the last digits of a value, or one image of many."""
        return max(self.sigma(entry, metric), _floor(metric, value) / SINGLE)

    def _of(self, entry: str, metric: str) -> list[Chaos]:
        """The entry's measurements; those of all entries if it was not measured itself."""
        own = [one for one in self.chaos if one.metric == metric and one.entry == entry]
        every = own or [one for one in self.chaos if one.metric == metric]
        if not every and (metric in SKILL_METRICS or METRICS[metric].since > 1):
            # Readings came after the measurement, and the canonical experiment has no skill.
            # The trait accuracy stands in, which is on the same scale.
            return self._of(entry, "trait_accuracy")
        if not every:
            raise ResultError(f"no float chaos was measured for {metric}")
        return every


def read_tolerances(root: Path, protocol: Protocol | ProtocolRecord) -> Tolerances:
    """The tolerances of a protocol.

    A track whose own were not measured has those of the experiment that it varies.

    Args:
        root: the leaderboard's folder.
        protocol: which one.

    Raises:
        ResultError: there are none, or the file is damaged or belongs to another protocol.
    """
    measured = _file(root, protocol)
    varied = varied_by(protocol.name)
    if varied and not measured.exists():
        protocol = varied
    path = _file(root, protocol)
    try:
        found = read_record(Tolerances, path, digest_required=False, root=root)
    except NoSuchFileError:
        raise ResultError(
            f"no file {path}: first measure the effect of rounding under {protocol.name} with "
            "python -m benchmarks.float_chaos"
        ) from None
    if found.protocol.label != protocol.label:
        raise ResultError(f"{path} belongs to {found.protocol.label}, not {protocol.label}")
    return found


def _file(root: Path, protocol: Protocol | ProtocolRecord) -> Path:
    return root / "tolerances" / f"{protocol.name}.json"


def _floor(metric: str, value: float) -> float:
    return max(_FLOORS.get(EVERY_METRIC[metric].unit, 0.0), _RELATIVE * abs(value))
