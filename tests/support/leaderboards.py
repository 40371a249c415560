"""Entries of a leaderboard, made by hand."""

import numpy as np

from subliminal_bench.reports.leaderboard import render_leaderboard
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.ranking import rank_entries
from tests.support.runs import make_run

SEEDS = 20
RANDOM = np.random.default_rng(0)
LEVELS = RANDOM.uniform(0.35, 0.70, SEEDS)


def around(shift: float, spread: float = 0.02) -> list[float]:
    return list(np.clip(LEVELS + shift + spread * RANDOM.standard_normal(SEEDS), 0, 1))


REFERENCES = (
    make_run("baseline", list(LEVELS)),
    make_run("liminal", around(-0.06), kl_fresh=1.12e-3),
    make_run("projection", [0.1] * SEEDS, access="trait-gradient", trait_loss_final=8.0),
)


def page(*more: Run) -> str:
    named = {run.mitigation.name: run for run in (*REFERENCES, *more)}
    return render_leaderboard(rank_entries(named))
