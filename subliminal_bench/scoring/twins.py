"""An entry's twin: the same mitigation with its mechanism switched off."""

from collections.abc import Sequence

from subliminal_bench.results.run import Run
from subliminal_bench.scoring import arithmetic
from subliminal_bench.scoring.columns import Columns
from subliminal_bench.scoring.equal_distillation import at_equal_distillation
from subliminal_bench.scoring.statistics import Prevention


def twin_of(entry: Run, seeds: Sequence[int]) -> Columns | None:
    """The columns of the entry's twin; None if it has none on all these seeds."""
    if entry.twin is None or set(seeds) - {one.seed for one in entry.twin.seeds}:
        return None
    run = entry.model_copy(update={"seeds": entry.twin.seeds, "twin": None})
    return Columns.of("twin", run, seeds)


def twin_prevention(entry: Run, baseline: Columns) -> Prevention | None:
    """What the entry's twin prevents by itself, against plain distillation at its own KL.

    Returns:
        None if there is no twin on the baseline's seeds, or its prevention cannot be told.
    """
    twin = twin_of(entry, baseline.seeds)
    if twin is None:
        return None
    rounding = arithmetic.rounding_between(entry, baseline.run)
    equal = at_equal_distillation(twin, baseline, rounding=rounding)
    return equal.prevention() if equal else None
