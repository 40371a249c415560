"""Published numbers beside ours: the headline table, and the agreement seed by seed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.reports.reproduction.published import (
    HEADLINES,
    SEEDS,
    Headline,
    Published,
)
from subliminal_bench.reports.tables import Table
from subliminal_bench.results.run import Run
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.comparison import show_interval
from subliminal_bench.scoring.scorecard import Summary
from subliminal_bench.scoring.statistics import PairedDifference

Row = dict[str, object]


@dataclass(frozen=True)
class Agreement:
    """Our values and the published ones, on the seeds of both.

    Attributes:
        entry: the entry's name.
        metric: its name in `metrics.METRICS`.
        seeds: in both, ascending.
        ours: one value per seed, unscaled.
        published: likewise.
        difference: ours minus published.
    """

    entry: str
    metric: str
    seeds: tuple[int, ...]
    ours: tuple[float, ...]
    published: tuple[float, ...]
    difference: PairedDifference


def headline_rows(runs: Mapping[str, Run]) -> list[Row]:
    """One row for each published mean, unscaled."""
    rows: list[Row] = []
    for one in HEADLINES:
        run = runs[one.entry]
        ours = Summary.of(run.column(one.metric))
        rows.append(
            {
                "entry": one.entry,
                "metric": one.metric,
                "published_mean": one.mean,
                "published_sd": one.sd,
                "published_seeds": SEEDS,
                "mean": ours.mean,
                "sd": ours.sd,
                "seeds": len(run.seeds),
                "standard_errors": _standard_errors(one, ours),
            }
        )
    return rows


def _standard_errors(published: Headline, ours: Summary) -> float | None:
    """Our mean minus the published mean, in standard errors of the published mean."""
    if ours.mean is None:
        return None
    return (ours.mean - published.mean) / (published.sd / math.sqrt(SEEDS))


def headline(runs: Mapping[str, Run]) -> Table:
    """The headline table as shown to readers."""
    seeds = {name: describe_seeds(run.seed_numbers) for name, run in runs.items()}
    rows = []
    for one in HEADLINES:
        metric = METRICS[one.metric]
        ours = Summary.of(runs[one.entry].column(one.metric))
        apart = _standard_errors(one, ours)
        who = "teacher" if one.metric == "teacher_accuracy" else one.entry
        rows.append(
            [
                f"{who}: {metric.heading}",
                Summary(one.mean, one.sd).show(metric),
                ours.show(metric),
                "–" if apart is None else f"{apart:+.1f}",
                seeds[one.entry],
            ]
        )
    return Table(
        [
            "mean ± SD over seeds",
            f"published, seeds 1-{SEEDS}",
            "here",
            "apart [SE]",
            "our seeds",
        ],
        rows,
    )


def agreements(runs: Mapping[str, Run], published: Published) -> list[Agreement]:
    """Every published per-seed number against ours, on the seeds of both."""
    found = []
    for (entry, metric), values in published.values.items():
        sound = {
            result.seed: value
            for result in runs[entry].seeds
            if (value := result.metrics[metric]) is not None
        }
        seeds = tuple(sorted(sound.keys() & values.keys()))
        if seeds:
            ours, theirs = (tuple(one[seed] for seed in seeds) for one in (sound, values))
            difference = statistics.paired_difference(ours, theirs)
            found.append(Agreement(entry, metric, seeds, ours, theirs, difference))
    return found


def agreement_rows(found: list[Agreement]) -> list[Row]:
    """One row per seed, unscaled."""
    return [
        {"entry": one.entry, "metric": one.metric, "seed": seed, "ours": a, "published": b}
        for one in found
        for seed, a, b in zip(one.seeds, one.ours, one.published, strict=True)
    ]


def agreement(found: list[Agreement]) -> Table:
    """The agreement as shown to readers; every metric in it is a share, in percent."""
    rows = []
    for one in found:
        metric, difference = METRICS[one.metric], one.difference
        who = "teacher" if one.metric == "teacher_accuracy" else one.entry
        correlation, sd = difference.correlation, difference.sd
        rows.append(
            [
                f"{who}: {metric.heading}",
                describe_seeds(one.seeds),
                *(Summary.of(values).show(metric) for values in (one.published, one.ours)),
                metric.show(difference.mean, signed=True),
                "—" if sd is None else metric.show(sd),
                show_interval(difference),
                "—" if correlation is None else f"{correlation:.3f}",
            ]
        )
    headings = ["paired by seed", "seeds", "published", "here", "mean difference [points]"]
    return Table([*headings, "SD [points]", "95 % interval", "r"], rows)
