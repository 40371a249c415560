"""An entry with less trait than its baseline, on every seed."""

from typing import Any

import numpy as np

from subliminal_bench.results.run import Run
from tests.support.runs import make_run

SEEDS = 12
LEVELS = np.linspace(0.35, 0.70, SEEDS)
BASELINE = make_run("baseline", list(LEVELS))
# Differences that vary from seed to seed, all of one sign.
DROPS = 0.10 + 0.02 * np.sin(np.arange(SEEDS))


def dropped(**metrics: Any) -> Run:
    return make_run("idea", list(LEVELS - DROPS), **metrics)
