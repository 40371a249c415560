"""Scorecards and the leaderboard, each without caches, as in a program that makes only one.

The plain way computes the same numbers, but neither the verdict nor the page.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import plain
from benchmarks.conftest import Compare
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.reports.leaderboard import render_leaderboard
from subliminal_bench.results.entries import read_entries
from subliminal_bench.results.run import Run, write_run
from subliminal_bench.scoring.ranking import rank_entries
from subliminal_bench.scoring.scorecard import build_scorecard
from subliminal_bench.scoring.statistics.resolution import _effect_with_power
from subliminal_bench.scoring.statistics.sign_flip import _signs
from tests.support.runs import make_run

RANDOM = np.random.default_rng(0)


def run(name: str, seeds: int, shift: float) -> Run:
    levels = np.random.default_rng(1).uniform(0.35, 0.7, seeds)
    trait = np.clip(levels + shift + 0.03 * RANDOM.standard_normal(seeds), 0, 1)
    fresh, training = (list(1e-3 * RANDOM.lognormal(0.0, 0.1, seeds)) for _ in range(2))
    return make_run(name, list(trait), kl_fresh=fresh, kl_mean=training)


def forget() -> None:
    _signs.cache_clear()
    _effect_with_power.cache_clear()


@pytest.mark.parametrize("seeds", [20, 100])
def test_a_scorecard(compare: Compare, seeds: int) -> None:
    entry = run("entry", seeds, -0.1)
    references = {name: run(name, seeds, 0.0) for name in REFERENCES}

    def ours() -> None:
        forget()
        build_scorecard(entry, references)

    compare(
        f"scorecard, {seeds} seeds",
        reference=lambda: plain.scorecard(entry, list(references.values())),
        ours=ours,
        rounds=5,
    )


def test_the_leaderboard(compare: Compare) -> None:
    names = [*REFERENCES, *(f"entry-{index}" for index in range(9))]
    entries = {name: run(name, 20, -0.01 * position) for position, name in enumerate(names)}
    references = [entries[name] for name in REFERENCES]

    def ours() -> None:
        forget()
        render_leaderboard(rank_entries(entries))

    compare(
        "leaderboard, 12 entries, 20 seeds",
        reference=lambda: plain.leaderboard(entries, references),
        ours=ours,
        rounds=3,
    )


def test_a_leaderboard_of_many_files(compare: Compare, tmp_path: Path) -> None:
    """The plain way only reads, because testing all pairs one by one would take hours."""
    for position, name in enumerate([*REFERENCES, *(f"entry-{at}" for at in range(997))]):
        write_run(tmp_path / f"{name}.json", run(name, 100, -0.0003 * position))

    def read() -> None:
        for path in sorted(tmp_path.glob("*.json")):
            content = json.loads(path.read_bytes())
            content.pop("digest")
            Run.model_validate(content)

    def ours() -> None:
        forget()
        render_leaderboard(rank_entries(read_entries(tmp_path)))

    compare(
        "leaderboard from files, 1,000 entries, 100 seeds",
        reference=read,
        ours=ours,
        rounds=1,
        adds="digests, scorecards, ranks of all pairs and the page, in addition to reading",
    )
