"""`export` writes a run's metrics, by its name and by its file."""

import csv
import io
import json
from pathlib import Path

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.results.run import read_run
from tests.support.terminal import ON_TINY, Terminal


class TestExport:
    def test_a_run_comes_out_by_its_name_and_by_its_file(self, type_in: Terminal) -> None:
        type_in("run", "liminal", *ON_TINY, "--seeds", "1-2", "--out", "run.json")
        by_name = type_in("export", "liminal", "--protocol", "tiny")
        assert by_name.code == 0
        assert by_name.out == type_in("export", "run.json").out
        rows = list(csv.DictReader(io.StringIO(by_name.out)))
        assert [row["seed"] for row in rows] == ["1", "2"]
        run = read_run(Path("run.json"))
        for name in METRICS:
            assert [float(row[name]) for row in rows] == run.column(name)

    def test_json_goes_to_a_file(self, type_in: Terminal) -> None:
        type_in("run", "baseline", *ON_TINY, "--seeds", "1", "--out", "run.json")
        done = type_in("export", "run.json", "--format", "json", "--out", "new/rows.json")
        assert done.code == 0
        assert [row["seed"] for row in json.loads(Path("new/rows.json").read_text())] == [1]

    def test_the_references_of_a_run_can_be_exported_too(self, type_in: Terminal) -> None:
        type_in("run", "liminal", *ON_TINY, "--seeds", "1")
        for name in ("baseline", "projection"):
            assert type_in("export", name, "--protocol", "tiny").code == 0


class TestWeights:
    def test_they_go_to_a_folder_and_metrics_only_where_asked(self, type_in: Terminal) -> None:
        type_in("run", "liminal", *ON_TINY, "--seeds", "1-2")
        done = type_in("export", "liminal", "--weights", "zoo")
        assert (done.code, done.out) == (0, "written: zoo: seeds 1-2\n")
        assert len(list(Path("zoo").glob("*.safetensors"))) == 6
        done = type_in("export", "liminal", "--weights", "zoo-2", "--out", "rows.csv")
        assert done.code == 0
        assert len(Path("rows.csv").read_text().splitlines()) == 3

    def test_a_run_that_kept_none_is_one_line(self, type_in: Terminal) -> None:
        type_in("run", "liminal", *ON_TINY, "--seeds", "1", "--no-weights", "--out", "run.json")
        assert "has no weights" in type_in("export", "liminal", "--weights", "zoo").error
        assert not Path("zoo").exists()
        # Neither a file of a run nor a committed entry has any.
        for name in ("run.json", "bias_anchor"):
            said = type_in("export", name, "--weights", "zoo").error
            assert f"no run named '{name}'" in said
