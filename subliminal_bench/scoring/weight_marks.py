"""What training and hooks did to the weights, beside the verdict: a mark, and no judgement.

A mark says that the weights are far from anything that the plugins of this project show. It
changes no word and no rank: what a student has learned, readers tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, geometric_mean

from subliminal_bench.experiment.weight_parts import HIDDEN, PARTS
from subliminal_bench.results.run import Run
from subliminal_bench.results.weight_change import WeightChangeRecord

# Where a mark begins. `docs/verdict.md` has what was measured on plugins, recipes and tricks.
FAR_MOVED = 20.0
HEAD_MOVED = 0.9
EXCHANGED = 0.05
RESCALED = 1.5
UNEXPLAINED = 0.95

# No ratio is larger, nor its inverse: files hold any finite number.
_MOST = 1e9


@dataclass(frozen=True)
class WeightMarks:
    """A run's change of weights over its seeds, and what is far from usual about it.

    Attributes:
        seeds: the number of seeds that it is known of.
        moved: displacement of each part relative to plain distillation's of the same seed,
            geometric mean; only of parts that both move. Empty if plain distillation's is not
            recorded.
        of_size: mean displacement of each part, relative to its size where training began.
        exchanged: mean share of each hidden layer's units that changed places.
        rescaled: the factor by which half of each hidden layer's units or more were rescaled,
            geometric mean.
        rescaled_most: the largest factor of a unit, likewise.
        hook_updates: mean part of the update's hook in what was done step by step; None if
            only weights are known.
        finish: mean part of `finish` in what moved the weights; None likewise.
        unexplained: mean share of the change that the optimiser's updates do not explain;
            None likewise.
    """

    seeds: int
    moved: Mapping[str, float]
    of_size: Mapping[str, float]
    exchanged: Mapping[str, float]
    rescaled: Mapping[str, float]
    rescaled_most: Mapping[str, float]
    hook_updates: float | None
    finish: float | None
    unexplained: float | None

    @property
    def marks(self) -> tuple[str, ...]:
        """What is far from what honest plugins show, in words; mostly nothing."""
        said = [
            f"its {PARTS[name]} moved {times(self.moved[name])} times as far as plain "
            "distillation's"
            for name in HIDDEN
            if self.moved.get(name, 0.0) >= FAR_MOVED
        ]
        head = self.of_size["class_head"]
        if head >= HEAD_MOVED:
            said.append(f"its {PARTS['class_head']} moved by {times(head)} times its own size")
        said += unit_marks(self.exchanged, self.rescaled)
        if self.unexplained is not None and self.unexplained >= UNEXPLAINED:
            said.append(
                "the optimiser's updates do not explain "
                f"{_percent(self.unexplained)} of the change"
            )
        return tuple(said)


def unit_marks(exchanged: Mapping[str, float], rescaled: Mapping[str, float]) -> list[str]:
    """What hidden units show that no training does, in words.

    Args:
        exchanged: share of each hidden layer's units that changed places.
        rescaled: the factor by which half of each hidden layer's units or more were rescaled.

    >>> unit_marks({"layer1": 0.31, "layer2": 0.0}, {"layer1": 1.01, "layer2": 4.0})
    ['31 % of the units of its first layer were permuted', 'half of the units of its second \
layer or more were rescaled, 4.0 times at least']
    """
    permuted = [
        f"{_percent(exchanged[name])} of the units of its {PARTS[name]} were permuted"
        for name in HIDDEN
        if exchanged[name] >= EXCHANGED
    ]
    return permuted + [
        f"half of the units of its {PARTS[name]} or more were rescaled, "
        f"{times(rescaled[name])} times at least"
        for name in HIDDEN
        if rescaled[name] >= RESCALED
    ]


def _ratio(part: float, whole: float) -> float:
    """A ratio of which many can be added and multiplied, whatever a file says."""
    return min(max(part / whole, 1 / _MOST), _MOST) if part else 0.0


def weight_marks(entry: Run, baseline: Run, seeds: Sequence[int]) -> WeightMarks | None:
    """What was done to an entry's weights; None if that is recorded of none of its seeds.

    Args:
        entry: the run.
        baseline: plain distillation's, whose displacement it is compared with.
        seeds: to look at; those that diverged have no change.
    """
    ours, plain = _by_seed(entry), _by_seed(baseline)
    found = [ours[seed] for seed in seeds if seed in ours]
    if not found:
        return None
    moved = {
        name: [
            _ratio(ours[seed].displacement[name], plain[seed].displacement[name])
            for seed in seeds
            if seed in ours
            and seed in plain
            and ours[seed].displacement[name] > 0
            and plain[seed].displacement[name] > 0
        ]
        for name in PARTS
    }
    return WeightMarks(
        seeds=len(found),
        moved={name: geometric_mean(ratios) for name, ratios in moved.items() if ratios},
        of_size={
            name: fmean(
                _ratio(one.displacement[name], one.size[name]) if one.size[name] else 0.0
                for one in found
            )
            for name in PARTS
        },
        exchanged={name: fmean(one.exchanged[name] for one in found) for name in HIDDEN},
        rescaled={name: geometric_mean(one.rescaled[name] for one in found) for name in HIDDEN},
        rescaled_most={
            name: geometric_mean(one.rescaled_most[name] for one in found) for name in HIDDEN
        },
        hook_updates=_mean([one.hook_updates for one in found]),
        finish=_mean([one.finish for one in found]),
        unexplained=_mean([one.unexplained for one in found]),
    )


def _by_seed(run: Run) -> dict[int, WeightChangeRecord]:
    return {one.seed: one.weight_change for one in run.seeds if one.weight_change}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def times(ratio: float) -> str:
    """A ratio as it is printed.

    >>> times(0.873), times(1.41), times(39.7), times(1e30)
    ('0.9', '1.4', '40', 'over a million')
    """
    if ratio >= 1e6:
        return "over a million"
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
