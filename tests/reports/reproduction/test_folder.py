"""The paper's results beside ours: read, compared, drawn, and checked on real students."""

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from subliminal_bench.conformance import SMALL
from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import MNIST
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.reports.reproduction import agreement
from subliminal_bench.reports.reproduction.folder import _markdown, reproduction_files
from subliminal_bench.reports.reproduction.published import (
    HEADLINES,
    NOTHING,
    Published,
    read_published,
)
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.training import first_order
from subliminal_bench.training.first_order import ANGLES, FirstOrderChange, measure_first_order
from tests.support.documents import page
from tests.support.plugins_for_tests import one_line, plugin
from tests.support.runs import keep, keep_curves, make_run
from tests.support.terminal import Terminal

PRECISE = replace(SMALL, name="precise", precision="float64")
PER_SEED = "seed,teacher,baseline,projection,projected_fraction,liminal\n"
PER_STEP = "seed,entry,step,trait_loss,distill_loss,cos_pre,cos_post\n"


@pytest.fixture(scope="module")
def measured() -> list[FirstOrderChange]:
    return measure_first_order(PRECISE)


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """The committed entries."""
    found = {name: committed_entry(name, MNIST) for name in REFERENCES}
    return {name: run for name, run in found.items() if run is not None}


class TestAppendixB:
    def test_projection_leaves_sin_squared_of_the_angle(
        self, measured: list[FirstOrderChange]
    ) -> None:
        turned = [one for one in measured if one.direction == "turned"]
        assert {round(one.angle) for one in turned} == set(ANGLES)
        for one in turned:
            assert one.expected == pytest.approx(math.sin(math.radians(one.angle)) ** 2)
            assert one.ratio == pytest.approx(one.expected, abs=1e-6), one

    def test_a_trait_gradient_that_points_away_is_left_alone(
        self, measured: list[FirstOrderChange]
    ) -> None:
        away = [one for one in measured if one.angle > 90]
        assert all(one.ratio == 1 for one in away)

    def test_another_projection_is_found_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        load = load_mitigation

        def halved(spec: str) -> Mitigation:
            if spec != "projection":
                return load(spec)

            def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
                trait = step.trait_gradient()
                inner = (gradient * trait).sum(1, keepdim=True).clamp(min=0)
                return gradient - inner / (2 * (trait * trait).sum(1, keepdim=True)) * trait

            return Mitigation(
                (plugin("half", "trait-gradient", distill_gradient=distill_gradient),)
            )

        monkeypatch.setattr(first_order, "load_mitigation", halved)
        found = measure_first_order(PRECISE)
        steep = [one for one in found if one.angle < 60]
        assert all(abs(one.ratio - one.expected) > 0.1 for one in steep)


class TestPublishedFiles:
    def test_both_kinds_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "a_per_seed.csv").write_text(PER_SEED + "2,0.9,0.5,0.1,0.6,0.4\n")
        (tmp_path / "b_per_step.csv").write_text(
            PER_STEP + "7,liminal,1,2,3,4,5\n7,liminal,0,1,2,3,4\n"
        )
        found = read_published(tmp_path)
        assert found.values["baseline", "trait_accuracy"] == {2: 0.5}
        assert found.values["projection", "altered_fraction"] == {2: 0.6}
        assert found.curves["liminal"][7]["trait_loss"].tolist() == [1, 2]
        assert found.curves["liminal"][7]["cosine_post"].tolist() == [4, 5]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("", "cannot read"),
            ("seed,teacher\n1,0.9\n", "lacks the columns baseline, projection"),
            (PER_SEED + "1,0.9,much,0.1,0.5,0.4\n", "column baseline holds something"),
            (PER_SEED + "1,0.9,,0.1,0.5,0.4\n", "column baseline holds something"),
        ],
    )
    def test_a_broken_file_is_one_line(self, content: str, said: str, tmp_path: Path) -> None:
        (tmp_path / "x_per_seed.csv").write_text(content)
        with pytest.raises(ResultError) as caught:
            read_published(tmp_path)
        assert said in one_line(caught.value)

    def test_a_folder_without_them_says_what_it_lacks(self, tmp_path: Path) -> None:
        with pytest.raises(ResultError, match=r"neither \*per_seed"):
            read_published(tmp_path)
        with pytest.raises(ResultError, match="no such folder"):
            read_published(tmp_path / "none")


class TestTables:
    def test_the_headline_table_has_the_papers_numbers(self, runs: dict[str, Run]) -> None:
        shown = {row[0]: row[1] for row in agreement.headline(runs).rows}
        assert shown["teacher: teacher accuracy [%]"] == "93.76 ± 0.21"
        assert shown["baseline: trait accuracy [%]"] == "55.28 ± 10.48"
        assert shown["projection: trait accuracy [%]"] == "10.14 ± 1.33"
        assert shown["liminal: trait accuracy [%]"] == "48.97 ± 9.63"

    def test_every_mean_of_ours_lies_within_a_standard_error_of_the_published_one(
        self, runs: dict[str, Run]
    ) -> None:
        assert {len(run.seeds) for run in runs.values()} == {100}
        for row, one in zip(agreement.headline_rows(runs), HEADLINES, strict=True):
            assert isinstance(row["mean"], float)
            apart = (row["mean"] - one.mean) / (one.sd / 10)
            assert row["standard_errors"] == pytest.approx(apart)
            assert abs(apart) < 1, one

    def test_the_committed_page_shows_the_committed_entries(self, runs: dict[str, Run]) -> None:
        assert _markdown(agreement.headline(runs)) in page("docs/reproduction/README.md")

    def test_agreement_pairs_the_seeds_that_both_have(self) -> None:
        ours = {"baseline": make_run("baseline", [0.4, None, 0.6], first_seed=2)}
        there = {("baseline", "trait_accuracy"): {1: 0.1, 2: 0.41, 3: 0.5, 4: 0.59}}
        (found,) = agreement.agreements(ours, Published(there, {}))
        assert found.seeds == (2, 4)
        assert found.difference.mean == pytest.approx(0)
        assert found.difference.correlation == pytest.approx(1)

    def test_the_committed_entries_agree_with_the_published_seeds(
        self, runs: dict[str, Run], published: Path
    ) -> None:
        found = agreement.agreements(runs, read_published(published))
        for one in found:
            assert len(one.seeds) == 50
            assert abs(one.difference.mean) < 0.0025, one.entry
            if one.metric == "trait_accuracy" and one.entry != "projection":
                assert one.difference.correlation
                assert one.difference.correlation > 0.995
                assert one.difference.sd
                assert one.difference.sd < 0.01
        shown = _markdown(agreement.agreement(found))
        assert shown in page("docs/reproduction/README.md")


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


class TestCommand:
    def test_it_writes_the_folder_and_prints_its_page(
        self,
        type_in: Terminal,
        measured: list[FirstOrderChange],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(first_order, "measure_first_order", lambda: measured)
        ended = type_in("reproduce", "-o", "made")
        assert ended.code == 0, ended.err
        assert "93.76 ± 0.21" in ended.out
        assert ended.out.endswith("written: made\n")
        assert (tmp_path / "made" / "README.md").is_file()

    def test_a_wrong_folder_is_one_line_before_anything_is_computed(
        self, type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(first_order, "measure_first_order", lambda: pytest.fail("computed"))
        assert "no such folder" in type_in("reproduce", "--published", "none").error
        assert list(tmp_path.iterdir()) == []
