"""Runs whose seeds have a change of weights."""

from typing import Any

from subliminal_bench.experiment.weight_parts import HIDDEN, PARTS
from subliminal_bench.results.run import Run
from subliminal_bench.results.weight_change import WeightChangeRecord

# Plain distillation of one seed of mnist-5k, about.
PLAIN: dict[str, Any] = {
    "displacement": dict(zip(PARTS, (2.5, 0.7, 0.04, 0.0), strict=True)),
    "size": dict(zip(PARTS, (16.0, 16.0, 1.7, 3.1), strict=True)),
    "exchanged": dict.fromkeys(HIDDEN, 0.0),
    "rescaled": dict.fromkeys(HIDDEN, 1.0),
    "rescaled_most": dict.fromkeys(HIDDEN, 1.01),
    "hook_updates": 0.0,
    "finish": 0.0,
    "unexplained": 0.0,
}


def record(**other: Any) -> WeightChangeRecord:
    """Plain distillation's change with other fields, or other values of some parts."""
    content = {
        name: {**value, **other[name]} if name in other and isinstance(value, dict) else value
        for name, value in PLAIN.items()
    }
    whole = {name: value for name, value in other.items() if not isinstance(value, dict)}
    return WeightChangeRecord(**{**content, **whole})


def with_changes(run: Run, **other: Any) -> Run:
    """The run with this change in each of its seeds that did not diverge."""
    change = record(**other)
    seeds = [
        one if one.diverged_at is not None else one.model_copy(update={"weight_change": change})
        for one in run.seeds
    ]
    return run.model_copy(update={"seeds": seeds})
