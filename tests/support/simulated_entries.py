"""Simulated entries whose true share of plain distillation's gain is known, reader by reader.

On every seed, plain distillation has a trait of its own, and every reader's gain is
proportional to it. The entry gains its share of that, at its own KL, plus an error. The error's
SD is that of another order of the data as measured, .055 of the mean gain, and errors of two
readers correlate by a half.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from subliminal_bench.experiment.metrics import PATH_READINGS
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.scorecard import build_scorecard
from subliminal_bench.scoring.verdict import Verdict
from tests.support.runs import ORDINARY, READINGS, make_run

ERROR = 0.055
_KL = 1e-3
_UNTRAINED_KL = ORDINARY["kl_initial"]


@dataclass(frozen=True)
class Entry:
    """What is true of an entry.

    Attributes:
        share: of every reader that `shares` does not name.
        shares: by the reader's name.
        kl_ratio: its KL to the baseline's.
        error: SD of a reading on a seed, as a share of the mean gain.
    """

    share: float = 1.0
    shares: Mapping[str, float] | None = None
    kl_ratio: float = 1.0
    error: float = ERROR

    def verdict(self, rng: np.random.Generator, seeds: int) -> Verdict:
        """The verdict on one sample of seeds."""
        traits = np.clip(rng.normal(0.5, 0.08, seeds), 0.2, 0.8)
        kls = _KL * np.exp(0.05 * rng.normal(size=seeds))
        baseline = make_run("baseline", list(traits), kl_fresh=list(kls))
        found = build_scorecard(self._run(rng, traits, kls), {"baseline": baseline}).verdict
        assert found is not None
        return found

    def _run(
        self,
        rng: np.random.Generator,
        traits: "np.ndarray[tuple[int], np.dtype[np.float64]]",
        kls: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    ) -> Run:
        seeds = len(traits)
        own_kls = self.kl_ratio * kls * np.exp(0.01 * rng.normal(size=seeds))
        # Plain distillation's trait at the entry's KL, as `tests.support.runs` draws a path.
        learned = np.log(_UNTRAINED_KL / own_kls) / np.log(_UNTRAINED_KL / kls)
        learned *= (traits - ORDINARY["initial_accuracy"]) / 0.41
        common = rng.normal(size=seeds)
        columns: dict[str, Any] = {}
        for name in PATH_READINGS:
            untrained, gain = READINGS[name]
            share = (self.shares or {}).get(name, self.share)
            error = self.error * math.sqrt(0.5) * (common + rng.normal(size=seeds))
            column = untrained + gain * (share * learned + learned.mean() * error)
            # What an accuracy can be.
            columns[name] = list(np.clip(column, 0.0, 1.0))
        expressed = columns.pop("trait_accuracy")
        return make_run(
            "idea",
            expressed,
            kl_fresh=list(own_kls),
            **columns,
        )
