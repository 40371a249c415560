"""Runs that were computed in different ways, and what that may add to their difference.

A run is compared with committed numbers from another machine, torch or engine. Rounding then
moves each seed a little, by as much as `leaderboard/tolerances/` shows (docs/regression.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from subliminal_bench import shipped
from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import PATH_READINGS
from subliminal_bench.results.run import ProtocolRecord, Run
from subliminal_bench.results.tolerances import Tolerances, read_tolerances
from subliminal_bench.scoring.statistics import rounding_allowance


@dataclass(frozen=True)
class Rounding:
    """What other arithmetic adds to one seed's difference, as standard deviations.

    Attributes:
        trait: of the difference in trait accuracy, as a fraction.
        log_kl: of the logarithm of the ratio of the final KLs.
        readings: of the difference in each reading, by name; those that were not measured are
            left out.
    """

    trait: float = 0.0
    log_kl: float = 0.0
    readings: Mapping[str, float] = field(default_factory=dict)

    def of(self, name: str) -> float:
        """Of one reading's difference; the trait accuracy's stands in for an unmeasured one."""
        return self.readings.get(name, self.trait)


SAME = Rounding()


def rounding_between(entry: Run, reference: Run) -> Rounding:
    """What the arithmetic of two runs adds to their difference.

    Nothing if they were computed in the same way, or if it was not measured under their
    protocol; the scorecard then says so (`remarks`).
    """
    if entry.environment.computes_like(reference.environment):
        return SAME
    measured = _measured(reference.protocol)
    if measured is None:
        return SAME
    name = reference.mitigation.name
    kl = [one.metrics["kl_fresh"] for one in reference.seeds]
    known = [value for value in kl if value]
    return Rounding(
        measured.sigma(name, "trait_accuracy"),
        measured.sigma(name, "kl_fresh") / (sum(known) / len(known)) if known else 0.0,
        {one: measured.sigma(name, one) for one in PATH_READINGS if measured.has(one)},
    )


def remarks(name: str, entry: Run, references: Mapping[str, Run], seeds: int) -> list[str]:
    """One remark on all references that were computed in another way than the entry."""
    others = {
        other: run
        for other, run in references.items()
        if not entry.environment.computes_like(run.environment)
    }
    if not others:
        return []
    differ = sorted({one for run in others.values() for one in _differences(entry, run)})
    said = (
        f"{name} was not computed in the same way as {', '.join(others)} ({'; '.join(differ)})"
    )
    if _measured(entry.protocol) is None:
        return [f"{said}: how much that moves their difference was not measured"]
    found = [rounding_between(entry, run) for run in others.values()]
    trait, kl = (
        max(rounding_allowance(sd, seeds) for sd in sds)
        for sds in ([one.trait for one in found], [one.log_kl for one in found])
    )
    return [
        f"{said}: counted as an uncertainty of up to {100 * trait:.2f} points and "
        f"{100 * kl:.1f} % of KL"
    ]


def _differences(entry: Run, reference: Run) -> list[str]:
    """In what two ways of computing differ, the entry's first."""
    ours, theirs = entry.environment, reference.environment
    facts = {
        "engine": (str(ours.engine), str(theirs.engine)),
        "torch": (ours.torch, theirs.torch),
        "device": (ours.device_name, theirs.device_name),
        "arithmetic": (ours.arithmetic, theirs.arithmetic),
    }
    return [
        f"{what} {own} against {other}"
        for what, (own, other) in facts.items()
        # Older runs do not record the arithmetic.
        if own != other and own and other
    ]


@cache
def _measured(protocol: ProtocolRecord) -> Tolerances | None:
    """The measured chaos of a protocol; None if there is none."""
    try:
        return read_tolerances(shipped.folder("leaderboard"), protocol)
    except ResultError:
        return None
