"""Does an entry know seeds, labels or places of pixels by heart?

The same seeds run again under other numbers, with the classes in another order and with the
pixels in another order. Nothing but rounding may change. A mitigation that draws random numbers
draws them for other weights in another order; then the mean over seeds may not change.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

from subliminal_bench.experiment.readers import EXPRESSED, LATENT, READERS
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.run import Run
from subliminal_bench.results.tolerances import Tolerances
from subliminal_bench.scoring.statistics import (
    Bias,
    bias_of_new_seeds,
    bias_of_pairs,
    bias_under_rounding,
)
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.reordered import reordered
from subliminal_bench.training.student import train_students
from subliminal_bench.verification.claims import Claim

_KL = "kl_fresh"
# What every test of an entry's numbers looks at.
JUDGED = (*READERS, _KL)
# With few seeds, each further metric costs power. These do not depend on the pixels' places.
_PAIRED = (EXPRESSED, LATENT, _KL)
# Fewer seeds could not say how much they scatter.
FEWEST_PAIRS = 5

Metrics = Mapping[str, float | None]
Cohorts = Callable[[int], Cohort]


@dataclass(frozen=True)
class _Change:
    about: str
    what: str
    train: Callable[[Cohort, Mitigation], Metrics]
    # Whether a mitigation that draws random numbers may differ.
    may_scatter: bool = True


def memory_claims(
    mitigation: Mitigation,
    run: Run,
    seeds: Sequence[int],
    cohort: Cohorts,
    measured: Tolerances,
    secret: int,
) -> Iterator[Claim]:
    """Test what a mitigation may know by heart, on seeds that were run before.

    Args:
        mitigation: as it was run.
        run: its results on these seeds.
        seeds: at least `FEWEST_PAIRS`.
        cohort: makes the cohort of a seed.
        measured: what rounding changes.
        secret: seed for the other numbers and orders.

    Raises:
        HookError: a hook failed.
    """
    for change in _changes(secret):
        if change.about == "pixels" and mitigation.prior:
            text = f"not tested: its card says that it presumes that {mitigation.prior}"
            yield Claim(change.about, True, text)
            continue
        before = {one.seed: one.metrics for one in run.seeds}
        after = {seed: change.train(cohort(seed), mitigation) for seed in seeds}
        pairs = [(before[seed], after[seed]) for seed in seeds]
        name = run.mitigation.name
        found = {
            metric: bias_of_pairs(moved, sigma, len(_PAIRED))
            if change.may_scatter
            else bias_under_rounding(moved, sigma)
            for metric in _PAIRED
            if len(moved := differences(metric, pairs)) >= FEWEST_PAIRS
            for sigma in [scatter(measured, name, metric, pairs)]
        }
        text = f"{change.what}, {seeds_phrase(seeds)}"
        lost = [
            seed
            for seed, (one, other) in zip(seeds, pairs, strict=True)
            if (one[_KL] is None) != (other[_KL] is None)
        ]
        if lost:
            what = "diverge in one case and not in the other"
            yield Claim(change.about, False, f"{text}: {seeds_phrase(lost)} {what}")
        else:
            yield claim_of(change.about, text, found)


def _changes(secret: int) -> list[_Change]:
    drawn = random.Random(secret)

    def renumbered(cohort: Cohort, mitigation: Mitigation) -> Metrics:
        # Numbers that no seed of any entry has.
        shown = tuple(drawn.randrange(10_001, 2**20) for _ in cohort.seeds)
        (outcome,) = train_students(cohort, mitigation, shown_seeds=shown)
        return outcome.metrics

    def other_classes(cohort: Cohort, mitigation: Mitigation) -> Metrics:
        changed = reordered(cohort, secret + cohort.seeds[0], classes=True)
        (outcome,) = train_students(changed, mitigation)
        return outcome.metrics

    def other_pixels(cohort: Cohort, mitigation: Mitigation) -> Metrics:
        changed = reordered(cohort, secret - cohort.seeds[0], pixels=True)
        (outcome,) = train_students(changed, mitigation)
        return outcome.metrics

    return [
        # Random numbers come from generators that do not depend on what is shown.
        _Change("numbers of seeds", "under other numbers", renumbered, may_scatter=False),
        _Change("classes", "with the classes in another order", other_classes),
        _Change("pixels", "with the pixels in another order", other_pixels),
    ]


def rerun_claim(reference: Run, rerun: Run, measured: Tolerances) -> Claim:
    """Whether seeds that are run again differ from their numbers on average.

    Args:
        reference: has the numbers.
        rerun: the same seeds, run here.
        measured: what rounding changes.
    """
    before = {one.seed: one.metrics for one in reference.seeds}
    pairs = [(before[one.seed], one.metrics) for one in rerun.seeds]
    name = reference.mitigation.name
    found = {
        metric: bias_under_rounding(moved, scatter(measured, name, metric, pairs))
        for metric in JUDGED
        if (moved := differences(metric, pairs))
    }
    return claim_of("bias", f"run again, {seeds_phrase(rerun.seed_numbers)}", found)


def fresh_claim(reference: Run, fresh: Sequence[Metrics], seeds: Sequence[int]) -> Claim:
    """Whether new seeds look like those that an entry has numbers of.

    Args:
        reference: the entry.
        fresh: the metrics of each new seed.
        seeds: their numbers.
    """
    found = {}
    for metric in _PAIRED:
        claimed, new = (
            [log(value) if metric == _KL else value for value in values if value is not None]
            for values in (reference.column(metric), [one.get(metric) for one in fresh])
        )
        if len(claimed) > 1 and new:
            found[metric] = bias_of_new_seeds(claimed, new, len(_PAIRED))
    return claim_of("fresh seeds", f"{seeds_phrase(seeds)} against its own", found)


def claim_of(about: str, what: str, found: Mapping[str, Bias]) -> Claim:
    """The claim that no metric is shifted, with the worst one, or with what would be found."""
    if not found:
        return Claim(about, True, f"{what}: not tested, too few students end with a number")
    name, worst = max(found.items(), key=lambda one: one[1].excess)
    if not worst.holds:
        return Claim(
            about,
            False,
            f"{what}: {_heading(name)} differs by {_shown(name, worst.mean, signed=True)} on "
            f"average, and chance explains {_shown(name, worst.allowed)}",
        )
    powers = ", ".join(
        f"{_shown(metric, found[metric].found)} of {_heading(metric)}"
        for metric in (EXPRESSED, _KL)
        if metric in found
    )
    return Claim(about, True, f"{what}: no shift; {powers} would be found four times in five")


def differences(metric: str, pairs: Sequence[tuple[Metrics, Metrics]]) -> list[float]:
    """Second minus first where both have the metric; of the KL, in logarithms."""
    found = []
    for before, after in pairs:
        first, second = before.get(metric), after.get(metric)
        if first is not None and second is not None:
            found.append(log(second / first) if metric == _KL else second - first)
    return found


def scatter(
    measured: Tolerances, name: str, metric: str, pairs: Sequence[tuple[Metrics, Metrics]]
) -> float:
    """What rounding adds to one seed's difference: its standard deviation."""
    values = [abs(one) for pair, _ in pairs if (one := pair.get(metric)) is not None]
    sigma = measured.scatter(name, metric, max(values, default=0.0))
    return sigma / min(values) if metric == _KL and values else sigma


def _heading(metric: str) -> str:
    return READERS[metric].title if metric in READERS else "KL on fresh noise"


def _shown(metric: str, value: float, signed: bool = False) -> str:
    unit = "%" if metric == _KL else "points"
    return f"{100 * value:{'+' if signed else ''}.2g} {unit}"
