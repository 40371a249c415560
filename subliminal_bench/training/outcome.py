"""What training a seed gives."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PlainPath:
    """Plain distillation of one seed, point by point.

    Attributes:
        steps: that the student has been trained for, ascending from 0.
        kl_fresh: its KL on fresh noise, in nats.
        readings: by the names of `metrics.PATH_READINGS`, unscaled.
    """

    steps: list[int]
    kl_fresh: list[float]
    readings: dict[str, list[float]]


@dataclass(frozen=True)
class Outcome:
    """One seed's numbers.

    Attributes:
        seed: the seed.
        metrics: a value for every name in `metrics.METRICS`; None if the student diverged.
        curves: float32 `[steps]` for every name in `metrics.CURVES`, on the CPU; nan at steps
            at which it is not measured.
        parameters: after the last step, `[parameters]`, on the CPU.
        diverged_at: the step at which the student's loss or gradient became infinite, nan or
            too large to measure; None if that never happened.
        path: plain distillation's, if this is plain distillation.
    """

    seed: int
    metrics: dict[str, float | None]
    curves: dict[str, Tensor]
    parameters: Tensor
    diverged_at: int | None
    path: PlainPath | None = None
