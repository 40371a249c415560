"""The shape of plain distillation's path on a track: is it the same curve on every track?

A path goes from the model that a student starts from to plain distillation's end. How far it
has come is measured by the logarithm of its KL on fresh noise: 0 at the start, 1 at the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subliminal_bench.experiment.readers import LATENT
from subliminal_bench.results.run import Run
from subliminal_bench.scoring import statistics

_Values = NDArray[np.float64]

# How far the points of a curve have come.
WAY: _Values = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False)
class PathShape:
    """The latent trait along plain distillation's path on one track, mean over seeds.

    Seeds are averaged where they have come equally far, so that all of them start at the
    curve's start and end at its end.

    Attributes:
        track: the protocol's name.
        seeds: the number of paths.
        start: the latent trait before the first step.
        kl: on fresh noise, geometric mean over seeds, at each point of `WAY`.
        gain: of the latent trait over the start, at each point of `WAY`.
        spread: SD of the gain over seeds, likewise; 0 for one seed.
    """

    track: str
    seeds: int
    start: float
    kl: _Values
    gain: _Values
    spread: _Values

    @property
    def ended(self) -> float:
        """The gain at plain distillation's end."""
        return float(self.gain[-1])

    @property
    def share(self) -> _Values:
        """The gain as a share of the gain at the end."""
        return self.gain / self.ended

    @property
    def seed_spread(self) -> float:
        """SD over seeds of the share, root mean square along the way."""
        return _root_mean_square(self.spread / self.ended)

    @property
    def half(self) -> float:
        """How far it has come when it first has half of the final gain."""
        share = self.share
        after = int(np.argmax(share >= 0.5))
        before = share[after - 1]
        part = (0.5 - before) / (share[after] - before)
        return float(WAY[after - 1] + part * (WAY[after] - WAY[after - 1]))

    @property
    def half_kl(self) -> float:
        """The KL at which it first has half of the final gain."""
        return float(np.exp(np.interp(self.half, WAY, np.log(self.kl))))

    def share_at(self, kls: _Values) -> _Values:
        """The share at some KLs between those of its start and its end."""
        come = np.log(self.kl[0] / kls) / np.log(self.kl[0] / self.kl[-1])
        found: _Values = np.interp(come, WAY, self.share)
        return found


@dataclass(frozen=True)
class Departures:
    """How far the tracks' curves lie from their common one, which is their mean.

    Attributes:
        low: where the comparison begins: a part of the way, or a KL.
        high: where it ends.
        of: each track's root mean square difference from the common curve, in shares of the
            final gain.
        every: the same over all tracks.
    """

    low: float
    high: float
    of: dict[str, float]
    every: float


def path_shape(track: str, baseline: Run) -> PathShape | None:
    """The shape of the paths of a baseline's seeds.

    Args:
        track: the protocol's name.
        baseline: plain distillation on that track.

    Returns:
        None if no seed has a path, or there is no latent trait to gain.
    """
    kls, gains, starts = [], [], []
    for seed in baseline.seeds:
        ended = seed.metrics["kl_fresh"]
        if seed.path is None or ended is None or not 0 < ended < seed.path.kl_fresh[0]:
            continue
        path = np.array(seed.path.kl_fresh)
        latent = np.array(seed.path.readings[LATENT])
        own = np.geomspace(path[0], ended, len(WAY))
        found = [statistics.at_equal_distillation(float(kl), path, latent) for kl in own]
        kls.append(np.log(own))
        starts.append(latent[0])
        gains.append(np.array([float(one.values) for one in found]) - latent[0])
    if not gains or np.mean(gains, 0)[-1] <= 0:
        return None
    return PathShape(
        track=track,
        seeds=len(gains),
        start=float(np.mean(starts)),
        kl=np.exp(np.mean(kls, 0)),
        gain=np.mean(gains, 0),
        spread=np.std(gains, 0, ddof=1) if len(gains) > 1 else np.zeros(len(WAY)),
    )


def on_the_way(shapes: Sequence[PathShape]) -> Departures | None:
    """How far the curves lie apart where they have come equally far.

    They meet at the start, where all shares are 0, and at the end, where all are 1.

    Returns:
        None for fewer than two curves.
    """
    return _departures(shapes, WAY, lambda shape: shape.share)


def at_the_same_kl(shapes: Sequence[PathShape]) -> Departures | None:
    """How far the curves lie apart at the same KL, over the KLs that all of them pass.

    Returns:
        None for fewer than two curves, or if there is no such KL.
    """
    high = min((float(shape.kl[0]) for shape in shapes), default=0.0)
    low = max((float(shape.kl[-1]) for shape in shapes), default=0.0)
    if not low < high:
        return None
    kls = np.geomspace(low, high, len(WAY))
    return _departures(shapes, kls, lambda shape: shape.share_at(kls))


def _departures(
    shapes: Sequence[PathShape], places: _Values, read: Callable[[PathShape], _Values]
) -> Departures | None:
    if len(shapes) < 2:
        return None
    curves = np.array([read(shape) for shape in shapes])
    apart = curves - curves.mean(0)
    return Departures(
        float(places[0]),
        float(places[-1]),
        {shape.track: _root_mean_square(row) for shape, row in zip(shapes, apart, strict=True)},
        _root_mean_square(apart),
    )


def _root_mean_square(values: _Values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
