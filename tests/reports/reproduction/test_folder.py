"""The folder has the numbers behind every figure, and the same bytes every time."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.reports.reproduction.folder import reproduction_files
from subliminal_bench.reports.reproduction.published import NOTHING, Published
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.training.first_order import FirstOrderChange
from tests.support.runs import keep, keep_curves


class TestFolder:
    def test_without_curves_the_figures_are_left_out_and_the_page_says_so(
        self, runs: dict[str, Run], measured: list[FirstOrderChange], tmp_path: Path
    ) -> None:
        made = reproduction_files(runs, Store(tmp_path), NOTHING, measured)
        assert set(made) == {
            *("README.md", "headline.csv"),
            *(f"appendix_b.{kind}" for kind in ("csv", "svg", "png")),
        }
        page = made["README.md"].decode()
        assert page.count("Left out: the store has no curves") == 3
        assert "No published per-seed results were given" in page

    def test_figures_come_with_the_numbers_behind_them(
        self, runs: dict[str, Run], measured: list[FirstOrderChange], tmp_path: Path
    ) -> None:
        few = {name: run.first(3) for name, run in runs.items()}
        for run in few.values():
            keep_curves(keep(tmp_path, run), run)
        steps = np.arange(3, dtype=np.float32)
        there = {"liminal": {51: {"trait_loss": steps, "cosine_post": steps}}}
        given = Published({("baseline", "trait_accuracy"): {1: 0.6}}, there)
        made = reproduction_files(few, Store(tmp_path), given, measured)
        for name in ("figure_1", "figure_2a", "figure_2b"):
            assert made[f"{name}.png"].startswith(b"\x89PNG")
            assert b"<title>Figure" in made[f"{name}.svg"]
        rows = list(csv.DictReader(io.StringIO(made["figure_2a.csv"].decode())))
        first = next(row for row in rows if row["entry"] == "baseline")
        # Seeds 1 to 3 start at 1.5 times 1.1, 1.2 and 1.3.
        assert float(first["mean"]) == pytest.approx(1.8)
        assert float(first["sd"]) == pytest.approx(0.15, abs=1e-6)
        assert [row["mean"] for row in rows if row["source"] == "published"] == [
            "0.0",
            "1.0",
            "2.0",
        ]
        paired = list(csv.DictReader(io.StringIO(made["agreement.csv"].decode())))
        assert [(row["seed"], row["published"]) for row in paired] == [("1", "0.6")]
        # Every file that the page names is there.
        page = made["README.md"].decode()
        for name in made:
            if name.endswith(".svg"):
                assert f"({name})" in page

    @pytest.mark.slow
    def test_the_same_runs_give_the_same_bytes(
        self, runs: dict[str, Run], measured: list[FirstOrderChange], tmp_path: Path
    ) -> None:
        for run in runs.values():
            keep_curves(keep(tmp_path, run), run)
        made, again = (
            reproduction_files(runs, Store(tmp_path), NOTHING, measured) for _ in range(2)
        )
        assert "figure_1.png" in made
        assert made == again

    def test_headline_numbers_are_unscaled_in_their_file(
        self, runs: dict[str, Run], measured: list[FirstOrderChange], tmp_path: Path
    ) -> None:
        made = reproduction_files(runs, Store(tmp_path), NOTHING, measured)
        rows = list(csv.DictReader(io.StringIO(made["headline.csv"].decode())))
        assert all(row["metric"] in METRICS for row in rows)
        assert float(rows[1]["published_mean"]) == 0.5528
