"""Exports: one row a seed, of a run found by its file or by its name."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subliminal_bench.errors import BenchmarkError, ResultError
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K, Protocol
from subliminal_bench.reports.export import EXPORT_FORMATS, export_text
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.results.lookup import find_run, find_runs
from subliminal_bench.results.run import write_run
from subliminal_bench.results.store import Store
from tests.support.plugins_for_tests import one_line
from tests.support.runs import keep, make_run

modest = settings(max_examples=40, deadline=None)
# Its second seed diverged.
PLAIN = make_run("halve", [0.5, None, 0.25], first_seed=4, kl_mean=[0.1, 0.2, 1 / 3])

COLUMNS = (
    "seed",
    "teacher_accuracy",
    "trait_accuracy",
    "initial_head_accuracy",
    "trait_loss_initial",
    "trait_loss_final",
    "kl_mean",
    "kl_final",
    "cosine_mean_pre",
    "cosine_mean_post",
    "positive_fraction_pre",
    "positive_fraction_post",
)


def refused(name: str, root: Path, protocol: str | None = None) -> str:
    with pytest.raises(BenchmarkError) as caught:
        find_run(name, protocol, Store(root))
    return one_line(caught.value)


class TestRender:
    def test_a_csv_has_a_row_a_seed_and_the_columns_promised(self) -> None:
        rows = list(csv.DictReader(io.StringIO(export_text(PLAIN, "csv"))))
        assert [row["seed"] for row in rows] == ["4", "5", "6"]
        assert next(iter(rows[0])) == "seed"
        assert set(COLUMNS) <= set(rows[0])
        assert set(METRICS) <= set(rows[0])

    def test_what_a_diverged_seed_lacks_is_empty_or_null(self) -> None:
        diverged = list(csv.DictReader(io.StringIO(export_text(PLAIN, "csv"))))[1]
        assert diverged["trait_accuracy"] == ""
        assert diverged["teacher_accuracy"] == "0.93"
        assert float(diverged["diverged_at"]) == 7
        row = json.loads(export_text(PLAIN, "json"))[1]
        assert row["trait_accuracy"] is None
        assert row["diverged_at"] == 7

    def test_whole_numbers_stay_whole_beside_an_empty_cell(self) -> None:
        rows = list(csv.DictReader(io.StringIO(export_text(PLAIN, "csv"))))
        assert [row["diverged_at"] for row in rows] == ["", "7", ""]

    @modest
    @given(
        st.lists(st.floats(1e-12, allow_infinity=False), min_size=1, max_size=5),
        st.sampled_from(EXPORT_FORMATS),
    )
    def test_every_number_is_written_to_the_last_bit(
        self, numbers: list[float], form: str
    ) -> None:
        run = make_run("halve", [0.5] * len(numbers), kl_mean=numbers)
        text = export_text(run, form)
        rows = json.loads(text) if form == "json" else csv.DictReader(io.StringIO(text))
        assert [float(row["kl_mean"]) for row in rows] == numbers

    @pytest.mark.parametrize("form", ["xlsx", "", "CSV"])
    def test_an_unknown_format_is_refused_with_the_known_ones(self, form: str) -> None:
        with pytest.raises(ResultError, match="csv, json") as caught:
            export_text(PLAIN, form)
        one_line(caught.value)


class TestFind:
    def test_a_run_is_found_by_its_path(self, tmp_path: Path) -> None:
        path = tmp_path / "run.json"
        write_run(path, PLAIN)
        assert find_run(str(path), None, Store(tmp_path / "store")) == PLAIN

    def test_a_path_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        assert str(tmp_path / "no.json") in refused(str(tmp_path / "no.json"), tmp_path)

    def test_a_run_is_found_by_its_name_in_the_store(self, tmp_path: Path) -> None:
        folder = keep(tmp_path, PLAIN)
        for name in ("halve", folder.name):
            assert find_run(name, None, Store(tmp_path)) == PLAIN
            assert find_run(name, "mnist", Store(tmp_path)) == PLAIN

    def test_a_committed_entry_stands_in_for_an_own_run_that_lacks_seeds(
        self, tmp_path: Path
    ) -> None:
        committed = committed_entry("baseline", MNIST)
        assert committed is not None
        keep(tmp_path, committed.first(1))
        keep(tmp_path, make_run("halve", [0.5] * 20))
        runs, taken = find_runs(["halve", "baseline"], None, Store(tmp_path))
        assert len(runs["baseline"].seeds) >= 20
        assert taken == ["baseline"]
        keep(tmp_path, make_run("short", [0.5]))
        runs, taken = find_runs(["short", "baseline"], None, Store(tmp_path))
        assert len(runs["baseline"].seeds) == 1
        assert taken == []

    def test_an_unknown_name_is_refused_with_where_it_was_looked_for(
        self, tmp_path: Path
    ) -> None:
        keep(tmp_path, PLAIN)
        message = refused("other", tmp_path)
        assert "'other'" in message
        assert str(tmp_path) in message
        assert "mnist-5k" in refused("halve", tmp_path, "mnist-5k")

    def test_a_name_under_two_protocols_needs_one(self, tmp_path: Path) -> None:
        protocols: tuple[Protocol, ...] = (MNIST, MNIST_5K)
        runs = {one.name: make_run("halve", [0.5], protocol=one) for one in protocols}
        for run in runs.values():
            keep(tmp_path, run)
        message = refused("halve", tmp_path)
        for words in ["mnist-v1", "mnist-5k-v1", "choose one with"]:
            assert words in message
        for name, run in runs.items():
            assert find_run("halve", name, Store(tmp_path)) == run

    def test_a_protocol_is_also_known_by_the_label_that_the_message_shows(
        self, tmp_path: Path
    ) -> None:
        keep(tmp_path, PLAIN)
        assert find_run("halve", "mnist-v1", Store(tmp_path)) == PLAIN

    def test_a_protocol_asked_for_is_never_ignored(self, tmp_path: Path) -> None:
        path = tmp_path / "run.json"
        write_run(path, PLAIN)
        assert "mnist-v1" in refused(str(path), tmp_path, "mnist-5k")

    @pytest.mark.parametrize("name", ["", ".", "..", "*", "halve*", "x" * 5000, "a\nb"])
    def test_any_other_name_is_one_line(self, name: str, tmp_path: Path) -> None:
        keep(tmp_path, PLAIN)
        refused(name, tmp_path)
