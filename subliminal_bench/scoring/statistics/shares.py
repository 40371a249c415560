"""The share of plain distillation's trait that a reader finds in an entry.

A reader's gain is what plain distillation adds to the untrained model by the entry's KL; its
share is the part of that gain that the entry shows too. Every array holds one value per seed,
in the unit of the reader (an accuracy from 0 to 1). An `allowance`, in that unit, is how far
other arithmetic may have moved a mean difference between the entry and plain distillation
(`rounding_allowance`); every bound lies as much further out.
"""

import math
from dataclasses import dataclass

from subliminal_bench.scoring.statistics.fieller import ratio_bound
from subliminal_bench.scoring.statistics.student_t import t_bound
from subliminal_bench.scoring.statistics.values import Array, checked, noise

_ENOUGH = 0.25
_ENOUGH_CONFIDENCE = 0.995


@dataclass(frozen=True, eq=False)
class Readings:
    """What one reader says of an entry and of what it is compared with, seed by seed.

    Attributes:
        name: of the reader.
        entry: the student's final reading.
        plain: plain distillation's, at the entry's KL on the same seed.
        untrained: the reading before the first step.
        ended: plain distillation's, at the baseline's end.
        few_shot: whether the reader learns from labels. Features may improve without the
            teacher, so a share above 1 counts as 1.
        expressed: whether it reads the student's own class head instead of its body.
        twin: the difference entry minus plain of the entry's twin, whose mechanism is switched
            off, at the twin's own KL; None without a twin.
        allowance: how far other arithmetic may have moved the mean difference.

    Raises:
        ValueError: no seeds, arrays of different lengths, a value that is not finite, or a
            negative allowance.
    """

    name: str
    entry: Array
    plain: Array
    untrained: Array
    ended: Array
    few_shot: bool = False
    expressed: bool = False
    twin: Array | None = None
    allowance: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.allowance < math.inf:
            raise ValueError(f"allowance {self.allowance} must be zero or above")
        arrays = {
            "entry": self.entry,
            "plain": self.plain,
            "untrained": self.untrained,
            "ended": self.ended,
        }
        if self.twin is not None:
            arrays["twin"] = self.twin
        sizes = {checked(array, f"{self.name}: {key}").size for key, array in arrays.items()}
        if len(sizes) > 1:
            raise ValueError(f"{self.name}: arrays of {min(sizes)} to {max(sizes)} seeds")

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return self.entry.size

    @property
    def rounding(self) -> float:
        """The size below which a difference of two readings is only rounding."""
        return noise(self.entry, self.plain, self.untrained, self.ended)

    @property
    def differences(self) -> list[Array]:
        """Entry minus plain; with a twin, also what the entry differs by more than its twin."""
        difference = self.entry - self.plain
        return [difference] if self.twin is None else [difference, difference - self.twin]


@dataclass(frozen=True, eq=False)
class Share:
    """The share of plain distillation's gain that one reader finds in an entry.

    Attributes:
        readings: what it was computed from.
        gain: mean of plain distillation at the entry's KL minus untrained.
        path: the share against plain distillation's path, at most 1 if few-shot; infinite
            where plain distillation gained nothing.
        beyond_twin: the share against the twin, likewise; None without a twin.
        enough: whether enough is distilled to judge by this reader: the gain is at least a
            quarter of the gain at the baseline's end and, in a one-sided t test at 99.5 %,
            above zero.
    """

    readings: Readings
    gain: float
    path: float
    beyond_twin: float | None
    enough: bool

    @property
    def name(self) -> str:
        """The reader's name."""
        return self.readings.name

    @property
    def counted(self) -> float:
        """The larger of the shares against the path and against the twin."""
        return self.path if self.beyond_twin is None else max(self.path, self.beyond_twin)

    def bound(self, confidence: float) -> float:
        """One-sided Fieller bound of the share against the path; lower if below 0.5.

        Args:
            confidence: as `ratio_bound`.

        Returns:
            A share, infinite where nothing is shown: one seed, or a gain not shown to be above
            zero. At most 1 if few-shot.
        """
        return self.bounds(confidence)[0]

    def bounds(self, confidence: float) -> list[float]:
        """`bound` against the path and, if there is a twin, against the twin."""
        one = self.readings
        outwards = 1.0 if confidence > 0.5 else -1.0
        if one.seeds < 2:
            return [_capped(one, outwards * math.inf) for _ in one.differences]
        gains = one.plain - one.untrained
        return [
            _capped(
                one,
                1
                + ratio_bound(
                    difference + outwards * one.allowance,
                    gains,
                    confidence,
                    rounding=one.rounding,
                ),
            )
            for difference in one.differences
        ]


def share_of(readings: Readings) -> Share:
    """The share that one reader finds: 1 + mean(entry - plain) / mean(plain - untrained).

    >>> import numpy as np
    >>> readings = Readings("latent", entry=np.array([0.3, 0.4]), plain=np.array([0.4, 0.5]),
    ...                     untrained=np.array([0.2, 0.3]), ended=np.array([0.4, 0.5]))
    >>> found = share_of(readings)
    >>> round(found.gain, 3), round(found.path, 3), found.enough
    (0.2, 0.5, True)
    """
    gains = readings.plain - readings.untrained
    gain = float(gains.mean())
    end = float((readings.ended - readings.untrained).mean())
    some = gain > readings.rounding
    shares = [
        _capped(readings, 1 + float(difference.mean()) / gain if some else math.inf)
        for difference in readings.differences
    ]
    return Share(
        readings=readings,
        gain=gain,
        path=shares[0],
        beyond_twin=shares[1] if len(shares) > 1 else None,
        enough=gain >= _ENOUGH * end and _above_zero(gains, readings.rounding),
    )


def _capped(readings: Readings, share: float) -> float:
    return min(share, 1.0) if readings.few_shot else share


def _above_zero(gains: Array, rounding: float) -> bool:
    if gains.size < 2:
        return False
    if float(gains.std(ddof=1)) <= rounding:
        return float(gains.mean()) > rounding
    return t_bound(gains, 1 - _ENOUGH_CONFIDENCE) > 0
