"""The obvious way with scipy and statsmodels: one comparison after another, without caches.

Only Holm's correction is a loop of our own: statsmodels collects all garbage at every call,
which would take most of the time.
"""

import statistics
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.power import TTestPower

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.results.run import Run

Array = NDArray[np.float64]


def sign_flip_p(differences: Array, resamples: int = 9_999) -> float:
    """The p-value over all patterns if there are few enough, else over drawn patterns."""
    found = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=resamples,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    adjusted: dict[str, float] = {}
    highest = 0.0
    ranked = sorted(p_values.items(), key=lambda item: item[1])
    for left, (name, p_value) in zip(range(len(ranked), 0, -1), ranked, strict=True):
        highest = max(highest, min(1.0, left * p_value))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def resolvable_difference(sd: float, seeds: int, alpha: float = 0.05) -> float:
    effect = TTestPower().solve_power(nobs=seeds, alpha=alpha, power=0.8)
    return sd * float(effect)


def paired_difference(entry: Array, reference: Array) -> tuple[float, ...]:
    """p-value, interval, resolvable difference and correlation."""
    differences = entry - reference
    interval = stats.ttest_1samp(differences, 0.0).confidence_interval(0.95)
    return (
        sign_flip_p(differences),
        float(interval.low),
        float(interval.high),
        resolvable_difference(float(differences.std(ddof=1)), differences.size),
        float(stats.pearsonr(entry, reference).statistic),
    )


def pareto_front(points: Mapping[str, tuple[float, float]]) -> set[str]:
    return {
        name
        for name, one in points.items()
        if not any(
            other[0] <= one[0] and other[1] <= one[1] and other != one
            for other in points.values()
        )
    }


def told_apart(rows: Mapping[str, Array]) -> dict[str, float]:
    """Holm-adjusted p-values of all pairs."""
    pairs = combinations(rows, 2)
    return holm(
        {f"{one}-{other}": sign_flip_p(rows[one] - rows[other]) for one, other in pairs}
    )


def scorecard(
    entry: Run, references: Sequence[Run]
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Every comparison, and mean and SD of every metric of every run."""
    trait = column(entry, "trait_accuracy")
    p_values = {}
    for reference in references:
        compared = paired_difference(trait, column(reference, "trait_accuracy"))
        p_values[reference.mitigation.name] = compared[0]
        for kl in ("kl_fresh", "kl_mean"):
            ratios = np.log(column(entry, kl)) - np.log(column(reference, kl))
            for side in ("less", "greater"):
                tested = stats.ttest_1samp(ratios, np.log(1.1), alternative=side)
                tested.confidence_interval()
    summaries: dict[str, list[float]] = {}
    for name in METRICS:
        columns = [column(run, name).tolist() for run in (entry, *references)]
        summaries[name] = [
            one(values) for values in columns for one in (statistics.fmean, statistics.stdev)
        ]
    return holm(p_values), summaries


def leaderboard(entries: Mapping[str, Run], references: Sequence[Run]) -> set[str]:
    """Compute a scorecard of every entry, all pairs of entries, and the front."""
    for run in entries.values():
        scorecard(run, [one for one in references if one is not run])
    told_apart({name: column(run, "trait_accuracy") for name, run in entries.items()})
    return pareto_front(
        {
            name: (
                float(column(run, "trait_accuracy").mean()),
                float(stats.gmean(column(run, "kl_fresh"))),
            )
            for name, run in entries.items()
        }
    )


def column(run: Run, metric: str) -> Array:
    return np.array(run.column(metric), dtype=np.float64)
