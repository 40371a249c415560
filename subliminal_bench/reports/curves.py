"""Training curves over seeds: their mean and their spread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.results.thinned import EVERY, ThinnedCurves, read_thinned

Curves = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Band:
    """One curve's mean and standard deviation over seeds.

    Attributes:
        steps: `[points]`, the steps at which it was measured, or the middles of blocks of
            averaged steps.
        mean: over the seeds, `[points]`.
        sd: over the seeds (n - 1), `[points]`; zero for one seed.
        seeds: number of seeds.
    """

    steps: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    seeds: int


@dataclass(frozen=True, eq=False)
class KeptCurves:
    """The curves of a run's seeds that are known.

    Attributes:
        by_seed: and by name.
        every: steps from one point to the next; above 1 if they are thinned. The test accuracy
            has its own.
    """

    by_seed: Mapping[int, Curves]
    every: int = 1

    @property
    def is_thinned(self) -> bool:
        """Whether only some of the steps are known."""
        return self.every > 1


def kept_curves(
    run: Run, seeds: Sequence[int], store: Store | None, leaderboard: Path | None = None
) -> KeptCurves:
    """Curves of the run's seeds that are kept and whose students did not diverge.

    They are taken from the store. If it lacks some that are kept beside a committed entry,
    those take their place, and so every seed's are thinned.

    Args:
        run: whose.
        seeds: of the run.
        store: has whole curves; None for a leaderboard's alone.
        leaderboard: the folder of a leaderboard, which has thinned ones.
    """
    sound = {result.seed for result in run.seeds if result.diverged_at is None} & set(seeds)
    whole = {
        seed: {name: curve.numpy() for name, curve in curves.items()}
        for seed, curves in (store.curves(run) if store else {}).items()
        if seed in sound
    }
    if leaderboard is None or whole.keys() == sound:
        return KeptCurves(whole)
    thinned = {
        seed: curves for seed, curves in read_thinned(leaderboard, run).items() if seed in sound
    }
    if not thinned.keys() - whole.keys():
        return KeptCurves(whole)
    return KeptCurves({**thinned, **ThinnedCurves.of(run, whole).curves}, EVERY)


def curve_band(
    curves: Mapping[int, Curves], name: str, every: int = 1, block: int = 1
) -> Band | None:
    """One curve over the seeds; None if there are no curves of that name.

    Args:
        curves: by seed.
        name: one of `metrics.CURVES`.
        every: steps from one point to the next.
        block: number of points of a seed that are first averaged into one point.

    >>> curves = {1: {"loss": np.float32([1, 3, 2])}, 2: {"loss": np.float32([3, 5, 2])}}
    >>> found = curve_band(curves, "loss", block=2)
    >>> found.steps, found.mean, found.sd.round(3), found.seeds
    (array([0.5, 2. ]), array([3., 2.]), array([1.414, 0.   ]), 2)
    """
    rows = [one[name] for one in curves.values() if name in one]
    if not rows:
        return None
    values = np.stack(rows).astype(np.float64)
    # Where the protocol measures less often, the points between are nan.
    measured = np.flatnonzero(np.isfinite(values).all(0))
    if not len(measured):
        return None
    values = values[:, measured]
    begins = np.arange(0, values.shape[1], block)
    sizes = np.diff([*begins, values.shape[1]])
    values = np.add.reduceat(values, begins, axis=1) / sizes
    return Band(
        steps=np.add.reduceat(measured, begins) / sizes * every,
        mean=values.mean(0),
        sd=values.std(0, ddof=1) if len(rows) > 1 else np.zeros(values.shape[1]),
        seeds=len(rows),
    )
