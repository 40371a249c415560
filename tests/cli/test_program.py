"""The command line, from what is typed to what is printed and written."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from subliminal_bench.cli import main
from subliminal_bench.experiment import digits
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.results.run import read_run
from subliminal_bench.running import jobs
from subliminal_bench.version import __version__
from tests.support.plugins_for_tests import HEAD, scaling_source, write
from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[2]
TINY = ("--protocol", "tiny", "--device", "cpu")


@pytest.fixture
def halve(tmp_path: Path) -> Path:
    return write(tmp_path / "halve.py", scaling_source())


def files_in(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


class TestRun:
    @pytest.mark.parametrize("name", ["baseline", "projection", "liminal", "halve.py"])
    def test_it_ends_with_a_scorecard_beside_the_references(
        self, name: str, type_in: Terminal, halve: Path
    ) -> None:
        done = type_in("run", name, *TINY, "--seeds", "1-2")
        assert done.code == 0, done.err
        title, heading, *_ = done.out.splitlines()
        own = name.removesuffix(".py")
        assert title.startswith(own)
        assert "tiny-v1" in done.out
        assert "seeds 1-2 (n = 2)" in done.out
        for other in {own, "baseline", "projection", "liminal"}:
            assert other in heading
        for metric in METRICS.values():
            assert metric.heading in done.out
        assert ("Verdict: " in done.out) is (own != "baseline")
        assert (Path("subliminal-results") / "tiny-v1").is_dir()

    @pytest.mark.parametrize("name", ["halve.py", "projection+liminal"])
    @pytest.mark.parametrize("seeds", ["1-3", "1,3,5,7,9,11,13,15,17,19,21,23,25,27,29"])
    def test_no_line_of_it_is_wider_than_80_columns(
        self, name: str, seeds: str, type_in: Terminal, halve: Path
    ) -> None:
        done = type_in("run", name, *TINY, "--seeds", seeds)
        assert done.code == 0, done.err
        assert max(map(len, done.out.splitlines())) <= 80
        for unit in ("[%]", "[nats]", "[mnat]", "[1e-3]", "[1e-4]"):
            assert unit in done.out

    def test_a_wide_name_is_folded_and_not_cut(self, type_in: Terminal, tmp_path: Path) -> None:
        name = "a-name-of-a-mitigation-that-is-far-too-long-for-any-column-of-a-table"
        path = write(tmp_path / "long.py", scaling_source(name))
        done = type_in("run", path, *TINY, "--seeds", "1-2")
        assert done.code == 0, done.err
        assert max(map(len, done.out.splitlines())) <= 80
        assert "…" not in done.out

    def test_off_a_terminal_no_control_characters_are_printed(self, type_in: Terminal) -> None:
        done = type_in("run", "baseline", *TINY, "--seeds", "1")
        assert not any(one in done.out + done.err for one in "\x1b\r")

    def test_a_second_time_it_trains_nothing_and_prints_the_same(
        self, type_in: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = type_in("run", "liminal", *TINY, "--seeds", "1-2")

        def forbidden(*arguments: Any) -> Any:
            raise AssertionError("this must not be trained again")

        monkeypatch.setattr(jobs, "train_students", forbidden)
        assert type_in("run", "liminal", *TINY, "--seeds", "1-2").out == first.out

    def test_a_mitigation_that_halves_is_not_the_baseline(
        self, type_in: Terminal, halve: Path
    ) -> None:
        assert type_in("run", halve, *TINY, "--seeds", "1", "--out", "a.json").code == 0
        assert type_in("run", "baseline", *TINY, "--seeds", "1", "--out", "b.json").code == 0
        mitigated, plain = (read_run(Path(name)) for name in ("a.json", "b.json"))
        assert mitigated.column("altered_fraction") == [1.0]
        assert plain.column("altered_fraction") == [0.0]
        assert mitigated.column("teacher_accuracy") == plain.column("teacher_accuracy")

    @pytest.mark.parametrize(
        ("out", "path"),
        [
            ("run.json", "run.json"),
            ("new/run.json", "new/run.json"),
            ("folder", "folder/halve.json"),
            ("new/folder/", "new/folder/halve.json"),
            ("there", "there/halve.json"),
            ("there.json", "there.json/halve.json"),
        ],
    )
    def test_out_is_a_file_or_a_folder(
        self, out: str, path: str, type_in: Terminal, halve: Path, tmp_path: Path
    ) -> None:
        for name in ("there", "there.json"):
            (tmp_path / name).mkdir()
        done = type_in("run", halve, *TINY, "--seeds", "2", "--out", out, "--store", "kept")
        assert done.code == 0, done.err
        assert path in done.out
        written = [
            name for name in files_in(tmp_path) if not name.startswith(("kept", "halve."))
        ]
        assert written == [path]
        run = read_run(tmp_path / path)
        assert run.seed_numbers == (2,)
        assert run.mitigation.name == "halve"

    def test_out_holds_the_seeds_asked_for_whatever_the_store_holds(
        self, type_in: Terminal
    ) -> None:
        type_in("run", "baseline", *TINY, "--seeds", "1-3")
        type_in("run", "baseline", *TINY, "--seeds", "2", "--out", "run.json")
        assert read_run(Path("run.json")).seed_numbers == (2,)

    def test_the_store_is_the_option_else_the_variable_else_a_folder_here(
        self, type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        type_in("run", "baseline", *TINY, "--seeds", "1")
        monkeypatch.setenv("SUBLIMINAL_BENCH_STORE", str(tmp_path / "variable"))
        type_in("run", "baseline", *TINY, "--seeds", "1")
        type_in("run", "baseline", *TINY, "--seeds", "1", "--store", tmp_path / "option")
        found = {one.name for one in tmp_path.iterdir()}
        assert found == {"subliminal-results", "variable", "option"}
        assert len({len(files_in(tmp_path / name)) for name in found}) == 1

    def test_settings_reach_the_mitigation_and_the_scorecard(
        self, type_in: Terminal, halve: Path
    ) -> None:
        done = type_in(
            "run", halve, *TINY, "--seeds", "1", "--set", "factor=0", "--out", "r.json"
        )
        assert "factor=0.0" in done.out
        assert read_run(Path("r.json")).column("cosine_mean_post") == [0.0]

    @pytest.mark.parametrize("form", ["markdown", "json"])
    def test_other_formats_have_standard_output_to_themselves(
        self, form: str, type_in: Terminal
    ) -> None:
        done = type_in(
            "run", "liminal", *TINY, "--seeds", "1-2", "--format", form, "--out", "run.json"
        )
        assert done.code == 0, done.err
        if form == "json":
            assert json.loads(done.out)["seeds"] == [1, 2]
        else:
            assert done.out.startswith("## liminal")
            assert "written:" not in done.out


# What is typed after the program's name, and what the error's line must say.
BAD_INPUT: dict[str, tuple[list[str], list[str]]] = {
    "unknown mitigation": (["run", "nope", *TINY], ["'nope'", "baseline, class_anchor"]),
    "no such file": (["run", "nope.py", *TINY], ["nope.py"]),
    "file without a mitigation": (["run", "empty.py", *TINY], ["empty.py", "@hookimpl"]),
    "unknown parameter": (
        ["run", "liminal", *TINY, "--set", "lamda0=1"],
        ["'lamda0'", "lambda0, temperature"],
    ),
    "parameter out of range": (
        ["run", "liminal", *TINY, "--set", "lambda0=-1"],
        ["lambda0", "minimum"],
    ),
    "parameter without a value": (
        ["run", "liminal", *TINY, "--set", "lambda0"],
        ["name=value"],
    ),
    "seed zero": (["run", "baseline", *TINY, "--seeds", "0"], ["'0'", "1 to "]),
    "seeds that are letters": (["run", "baseline", *TINY, "--seeds", "a-b"], ["'a-b'", "1-10"]),
    "no seeds": (["run", "baseline", *TINY, "--seeds", ""], ["1-10"]),
    "backward seeds": (["run", "baseline", *TINY, "--seeds", "3-1"], ["1-3"]),
    "a seed twice": (["run", "baseline", *TINY, "--seeds", "1,1"], ["twice"]),
    "a negative seed": (["run", "baseline", *TINY, "--seeds", "-1"], ["-1"]),
    "seeds without a value": (["run", "baseline", *TINY, "--seeds"], ["--seeds"]),
    "unknown protocol": (
        ["run", "baseline", "--protocol", "mnits"],
        ["'mnits'", "mnist, mnist-5k, probe"],
    ),
    "unknown device": (["run", "baseline", *TINY, "--device", "tpu"], ["'tpu'", "cpu"]),
    "no data": (
        ["run", "baseline", "--protocol", "mnist", "--data-dir", "nowhere"],
        ["nowhere", "--data-dir", "mnist-5k"],
    ),
    "unknown format of a scorecard": (
        ["run", "baseline", *TINY, "--format", "csv"],
        ["'csv'", "terminal, markdown, json"],
    ),
    "out below a file": (
        ["run", "baseline", *TINY, "--seeds", "1", "--out", "empty.py/run.json"],
        ["empty.py"],
    ),
    "out that is a file of another kind": (
        ["run", "baseline", *TINY, "--seeds", "1", "--out", "empty.py"],
        ["empty.py"],
    ),
    "no mitigation named": (["run"], ["mitigation"]),
    "two mitigations named": (["run", "baseline", "liminal", *TINY], ["liminal"]),
    "unknown option": (["run", "baseline", *TINY, "--sedes", "1"], ["--sedes"]),
    "unknown option of the program": (["--nope"], ["--nope"]),
    "unknown command": (["rnu", "baseline"], ["'rnu'"]),
    "unknown run": (["export", "nope"], ["'nope'"]),
    "missing file": (["export", "nope.json"], ["nope.json"]),
    "file that is no run": (["export", "broken.json"], ["broken.json"]),
    "nothing to export": (["export"], ["entry"]),
}


class TestBadInput:
    @pytest.mark.parametrize("mistake", BAD_INPUT)
    def test_it_is_one_line_and_nothing_is_trained_or_written(
        self,
        mistake: str,
        type_in: Terminal,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def forbidden(*arguments: Any) -> Any:
            raise AssertionError("this must be refused before anything is trained")

        for function in ("train_teachers", "train_students"):
            monkeypatch.setattr(jobs, function, forbidden)
        write(tmp_path / "empty.py", "")
        write(tmp_path / "broken.json", "{")
        arguments, said = BAD_INPUT[mistake]
        done = type_in(*arguments)
        for words in said:
            assert words.lower() in done.error.lower()
        assert done.out == ""
        assert sorted(one.name for one in tmp_path.iterdir()) == ["broken.json", "empty.py"]

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
    def test_a_gpu_that_is_not_there_is_one_line(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        done = type_in("run", "baseline", "--protocol", "tiny", "--device", "cuda")
        assert "--device cpu" in done.error
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("command", ["run", "export"])
    def test_a_name_longer_than_any_file_is_one_line(
        self, command: str, type_in: Terminal, tmp_path: Path
    ) -> None:
        assert "x" in type_in(command, "x" * 5000).error
        assert list(tmp_path.iterdir()) == []

    def test_a_damaged_mnist_file_is_one_line(self, type_in: Terminal, tmp_path: Path) -> None:
        path = write(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte", "damaged")
        done = type_in("run", "baseline", "--protocol", "mnist", "--data-dir", tmp_path)
        assert str(path) in done.error
        assert files_in(tmp_path) == ["MNIST/raw/train-images-idx3-ubyte"]

    def test_without_a_network_a_line_says_that_a_download_was_tried(
        self, type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unreachable(*arguments: object, **keywords: object) -> None:
            raise OSError("network is unreachable")

        monkeypatch.setattr("urllib.request.urlopen", unreachable)
        monkeypatch.setattr(digits, "cache_folder", lambda: tmp_path / "cache")
        done = type_in("run", "baseline", "--protocol", "mnist")
        assert "--data-dir" in done.error
        assert "mnist-5k" in done.error
        assert "downloading MNIST" in done.err
        assert files_in(tmp_path) == []
        assert done.out == ""

    def test_an_unknown_format_of_an_export_is_one_line(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        type_in("run", "baseline", *TINY, "--seeds", "1")
        done = type_in("export", "baseline", "--format", "xlsx", "--out", "rows.xlsx")
        assert "csv, json" in done.error
        assert not (tmp_path / "rows.xlsx").exists()

    def test_a_debug_option_shows_where_it_happened(
        self, monkeypatch: pytest.MonkeyPatch, type_in: Terminal
    ) -> None:
        from subliminal_bench.errors import MitigationError

        monkeypatch.setattr(sys, "argv", ["subliminal-bench", "run", "nope", "--debug"])
        with pytest.raises(MitigationError):
            main()


class TestBugs:
    def test_a_bug_ends_in_its_traceback_and_how_to_report_it(
        self, type_in: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(name: str) -> None:
            raise ZeroDivisionError("planted")

        monkeypatch.setattr("subliminal_bench.running.setup.protocol_named", broken)
        done = type_in("run", "baseline")
        assert done.code == 70
        assert "ZeroDivisionError: planted" in done.err
        last = done.err.splitlines()[-1]
        for said in ("bug", __version__, "report", "the command", "subliminal-bench doctor"):
            assert said in last

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (PermissionError(13, "Permission denied", "a file"), "a file: Permission denied"),
            (OSError(28, "No space left on device"), "No space left on device"),
            (MemoryError(), "out of memory"),
            (torch.OutOfMemoryError("CUDA out of memory"), "out of memory"),
        ],
    )
    def test_what_the_machine_lacks_is_no_bug(
        self,
        error: Exception,
        said: str,
        type_in: Terminal,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def broken(name: str) -> None:
            raise error

        monkeypatch.setattr("subliminal_bench.running.setup.protocol_named", broken)
        assert said in type_in("run", "baseline").error

    def test_a_terminal_that_knows_few_letters_stops_nothing(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "subliminal_bench", "list"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert "liminal" in done.stdout


class TestFailingHooks:
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ("return loss.mean()", "shape []"),
            ("return loss.double()", "dtype torch.float64"),
            ("return loss * float('nan')", "not finite"),
            ("return loss.detach()", "cut off"),
            ("pass", "None"),
            ("1 / 0", "failing.py, line 9"),
            ("return loss.view(7)", "failing.py, line 9"),
            ("return __import__('torch').einsum('ij->i', loss)", "failing.py, line 9"),
        ],
    )
    def test_one_line_names_hook_seed_step_and_no_entry_is_written(
        self, body: str, said: str, type_in: Terminal, tmp_path: Path
    ) -> None:
        write(
            tmp_path / "failing.py",
            f"{HEAD}@hookimpl\ndef mitigation():\n    return Card('failing', 'Failing')\n\n"
            f"@hookimpl\ndef distill_loss(loss):\n    {body}\n",
        )
        done = type_in("run", "failing.py", *TINY, "--seeds", "3-4", "--out", "run.json")
        for words in ["failing", "distill_loss", "seed 3", "step 0", said]:
            assert words in done.error
        assert done.out == ""
        # The teacher that was finished before is kept, and nothing else; locks stay, empty.
        written = [
            name for name in files_in(tmp_path) if name != "failing.py" and ".locks" not in name
        ]
        assert all(re.search(r"teachers-\w+/seed-0003\.safetensors$", name) for name in written)

    def test_a_gradient_hook_is_named_too(self, type_in: Terminal, tmp_path: Path) -> None:
        path = write(
            tmp_path / "failing.py",
            f"{HEAD}@hookimpl\ndef mitigation():\n    return Card('failing', 'Failing')\n\n"
            "@hookimpl\ndef distill_gradient(gradient, step):\n"
            "    return gradient if step.index < 4 else gradient[:, 1:]\n",
        )
        done = type_in("run", path, *TINY, "--seeds", "2")
        for words in ["failing", "distill_gradient", "seed 2", "step 4", "shape"]:
            assert words in done.error

    def test_an_interruption_is_one_line_and_keeps_what_is_finished(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        path = write(
            tmp_path / "failing.py",
            f"{HEAD}@hookimpl\ndef mitigation():\n    return Card('failing', 'Failing')\n\n"
            "@hookimpl\ndef distill_loss(loss, step):\n"
            "    if 2 in step.seeds:\n        raise KeyboardInterrupt\n    return loss\n",
        )
        done = type_in("run", path, *TINY, "--seeds", "1-2")
        assert done.code == 130
        assert done.err.splitlines()[-1].startswith("error: interrupted")
        assert len(list(tmp_path.rglob("failing-*/seed-0001.json"))) == 1
        assert not list(tmp_path.rglob("failing-*/seed-0002.*"))


class TestExport:
    def test_a_run_comes_out_by_its_name_and_by_its_file(self, type_in: Terminal) -> None:
        type_in("run", "liminal", *TINY, "--seeds", "1-2", "--out", "run.json")
        by_name = type_in("export", "liminal", "--protocol", "tiny")
        assert by_name.code == 0
        assert by_name.out == type_in("export", "run.json").out
        rows = list(csv.DictReader(io.StringIO(by_name.out)))
        assert [row["seed"] for row in rows] == ["1", "2"]
        run = read_run(Path("run.json"))
        for name in METRICS:
            assert [float(row[name]) for row in rows] == run.column(name)

    def test_json_goes_to_a_file(self, type_in: Terminal) -> None:
        type_in("run", "baseline", *TINY, "--seeds", "1", "--out", "run.json")
        done = type_in("export", "run.json", "--format", "json", "--out", "new/rows.json")
        assert done.code == 0
        assert [row["seed"] for row in json.loads(Path("new/rows.json").read_text())] == [1]

    def test_the_references_of_a_run_can_be_exported_too(self, type_in: Terminal) -> None:
        type_in("run", "liminal", *TINY, "--seeds", "1")
        for name in ("baseline", "projection"):
            assert type_in("export", name, "--protocol", "tiny").code == 0


class TestList:
    def test_it_shows_protocols_mitigations_hooks_and_parameters(
        self, type_in: Terminal
    ) -> None:
        done = type_in("list")
        assert done.code == 0
        for words in ["mnist-5k", "mnist ", "baseline", "trait-gradient", "distill_gradient"]:
            assert words in done.out
        assert "lambda0=1.0" in done.out
        assert max(map(len, done.out.splitlines())) <= 80

    @pytest.mark.parametrize("text", ["plain", "[/red] in brackets", "[bold]"])
    def test_a_broken_package_hides_no_other(
        self, text: str, type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        info = tmp_path / "site" / "from_afar-1.0.dist-info"
        write(info / "METADATA", "Metadata-Version: 2.1\nName: from-afar\nVersion: 1.0\n")
        write(info / "entry_points.txt", "[subliminal_bench]\nafar = broken_module_from_afar\n")
        write(tmp_path / "site" / "broken_module_from_afar.py", f"raise ValueError({text!r})\n")
        monkeypatch.syspath_prepend(tmp_path / "site")
        done = type_in("list")
        assert done.code == 0
        assert "afar" in done.out
        assert "liminal" in done.out
        assert text in " ".join(done.out.split())


class TestHelp:
    @pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["export", "--help"]])
    def test_help_names_what_can_be_typed(
        self, arguments: list[str], type_in: Terminal
    ) -> None:
        done = type_in(*arguments)
        assert done.code == 0
        assert "--help" in done.out
        assert done.err == ""

    def test_no_argument_at_all_shows_the_help(self, type_in: Terminal) -> None:
        done = type_in()
        assert "Traceback" not in done.err
        assert "run" in done.out + done.err
        assert "export" in done.out + done.err

    def test_help_is_instant_because_nothing_heavy_is_imported(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "subliminal_bench", "--help"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert "run" in done.stdout
        imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
        assert "typer" in imported
        heavy = {"torch", "torchvision", "pandas", "scipy", "numpy", "pydantic", "statsmodels"}
        assert not imported & heavy
