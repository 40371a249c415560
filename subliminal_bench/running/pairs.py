"""The first paired numbers of a run, while it goes on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.seed_ranges import seeds_phrase

_TRAIT = METRICS["trait_accuracy"]
Metrics = Mapping[str, float | None]


@dataclass
class Pairs:
    """Says how an entry compares with the baseline after 1, 2, 4, 8, ... of a run's seeds.

    It is no verdict: a look at a few seeds decides nothing.

    Attributes:
        entry: name of the mitigation.
        baseline: name of the baseline.
        known: metrics of the baseline's seeds that do not run here.
        say: called with one line.
    """

    entry: str
    baseline: str
    known: Mapping[int, Metrics]
    say: Callable[[str], None]
    _found: dict[str, dict[int, Metrics]] = field(default_factory=dict, init=False)

    def __call__(self, name: str, seed: int, metrics: Metrics) -> None:
        """Take a seed of any mitigation that has just finished.

        >>> pairs = Pairs("halve", "baseline", {1: {"trait_accuracy": 0.5}}, print)
        >>> pairs("halve", 1, {"trait_accuracy": 0.25})
        seed 1: trait accuracy 25.00 %, the baseline's 50.00 %
        """
        self._found.setdefault(name, {})[seed] = metrics
        ours = self._found.get(self.entry, {})
        theirs = {**self.known, **self._found.get(self.baseline, {})}
        seeds = [one for one in sorted(ours) if one in theirs]
        new = seed in seeds and name in (self.entry, self.baseline)
        # A power of two.
        if not new or self.entry == self.baseline or len(seeds) & (len(seeds) - 1):
            return
        trait = [_mean(one, seeds, _TRAIT.name) for one in (ours, theirs)]
        if trait[0] is None or trait[1] is None:
            return
        own, other = (_TRAIT.show(value) for value in trait if value is not None)
        kl = [_mean(one, seeds, "kl_fresh") for one in (ours, theirs)]
        ratio = f"; final KL x{kl[0] / kl[1]:.2f} of it" if kl[0] and kl[1] else ""
        self.say(
            f"{seeds_phrase(seeds)}: trait accuracy {own} %, the baseline's {other} %{ratio}"
        )


def _mean(runs: Mapping[int, Metrics], seeds: list[int], metric: str) -> float | None:
    """Mean over the seeds; None if one of them lacks the metric."""
    values = [runs[seed].get(metric) for seed in seeds]
    sound = [value for value in values if value is not None]
    return sum(sound) / len(sound) if len(sound) == len(values) else None
