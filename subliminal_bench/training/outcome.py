"""What training a seed gives."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PlainPath:
    """Plain distillation of one seed, point by point.

    Attributes:
        steps: that the student has been trained for, ascending from 0.
        kl_fresh: its KL on fresh noise, in nats.
        readings: by those names of `metrics.PATH_READINGS` that its protocol has, unscaled.
    """

    steps: list[int]
    kl_fresh: list[float]
    readings: dict[str, list[float]]


@dataclass(frozen=True)
class WeightChange:
    """How far one student is from where training began: from what the hook `start` returned.

    Attributes:
        displacement: Euclidean norm of the change of each part's weights and biases, by the
            names in `weight_parts.PARTS`.
        size: norm of the same parts where training began.
        exchanged: share of each hidden layer's units whose incoming weights are nearer to
            another unit's of the beginning.
        rescaled: the factor, at least 1, by which half of a layer's units or more were
            rescaled: the weights that lead to a unit grew or shrank by it, and those that lead
            on were made smaller or larger by as much or more.
        rescaled_most: the largest such factor of a unit.
        hook_updates: summed length of what a hook changed about updates, as a share of that
            and of the optimiser's own updates; None if only weights are known.
        finish: how far `finish` moved the weights, as a share of that and of how far all steps
            had; None if only weights are known.
        unexplained: share of the squared change that does not lie along the sum of the
            optimiser's own updates, part by part; None if only weights are known.
    """

    displacement: dict[str, float]
    size: dict[str, float]
    exchanged: dict[str, float]
    rescaled: dict[str, float]
    rescaled_most: dict[str, float]
    hook_updates: float | None
    finish: float | None
    unexplained: float | None


@dataclass(frozen=True)
class Outcome:
    """One seed's numbers.

    Attributes:
        seed: the seed.
        metrics: a value for every metric that its protocol has; None if the student diverged.
        curves: float32 `[steps]` for every name in `metrics.CURVES`, on the CPU; nan at steps
            at which it is not measured.
        parameters: after the last step, `[parameters]`, on the CPU.
        diverged_at: the step at which the student's loss or gradient became infinite, nan or
            too large to measure; None if that never happened.
        weight_change: None if the student diverged.
        path: plain distillation's, if this is plain distillation.
    """

    seed: int
    metrics: dict[str, float | None]
    curves: dict[str, Tensor]
    parameters: Tensor
    diverged_at: int | None
    weight_change: WeightChange | None = None
    path: PlainPath | None = None
