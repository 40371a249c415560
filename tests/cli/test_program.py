"""A mistake is one line, a bug ends in how to report it, and help is instant."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from subliminal_bench.cli import main
from subliminal_bench.experiment import digits
from subliminal_bench.running import jobs
from subliminal_bench.version import __version__
from tests.support.files import files_in
from tests.support.plugins_for_tests import write
from tests.support.terminal import ON_TINY, Terminal

ROOT = Path(__file__).parents[2]

# What is typed after the program's name, and what the error's line must say.
BAD_INPUT: dict[str, tuple[list[str], list[str]]] = {
    "unknown mitigation": (["run", "nope", *ON_TINY], ["'nope'", "baseline, class_anchor"]),
    "no such file": (["run", "nope.py", *ON_TINY], ["nope.py"]),
    "file without a mitigation": (["run", "empty.py", *ON_TINY], ["empty.py", "@hookimpl"]),
    "unknown parameter": (
        ["run", "liminal", *ON_TINY, "--set", "lamda0=1"],
        ["'lamda0'", "lambda0, temperature"],
    ),
    "parameter out of range": (
        ["run", "liminal", *ON_TINY, "--set", "lambda0=-1"],
        ["lambda0", "minimum"],
    ),
    "parameter without a value": (
        ["run", "liminal", *ON_TINY, "--set", "lambda0"],
        ["name=value"],
    ),
    "seed zero": (["run", "baseline", *ON_TINY, "--seeds", "0"], ["'0'", "1 to "]),
    "seeds that are letters": (
        ["run", "baseline", *ON_TINY, "--seeds", "a-b"],
        ["'a-b'", "1-10"],
    ),
    "no seeds": (["run", "baseline", *ON_TINY, "--seeds", ""], ["1-10"]),
    "backward seeds": (["run", "baseline", *ON_TINY, "--seeds", "3-1"], ["1-3"]),
    "a seed twice": (["run", "baseline", *ON_TINY, "--seeds", "1,1"], ["twice"]),
    "a negative seed": (["run", "baseline", *ON_TINY, "--seeds", "-1"], ["-1"]),
    "seeds without a value": (["run", "baseline", *ON_TINY, "--seeds"], ["--seeds"]),
    "unknown protocol": (
        ["run", "baseline", "--protocol", "mnits"],
        ["'mnits'", "known: mnist, mnist-5k, skill-5k, backdoor-5k, probe, permuted"],
    ),
    "unknown device": (["run", "baseline", *ON_TINY, "--device", "tpu"], ["'tpu'", "cpu"]),
    "no data": (
        ["run", "baseline", "--protocol", "mnist", "--data-dir", "nowhere"],
        ["nowhere", "--data-dir", "mnist-5k"],
    ),
    "unknown format of a scorecard": (
        ["run", "baseline", *ON_TINY, "--format", "csv"],
        ["'csv'", "terminal, markdown, json"],
    ),
    "out below a file": (
        ["run", "baseline", *ON_TINY, "--seeds", "1", "--out", "empty.py/run.json"],
        ["empty.py"],
    ),
    "out that is a file of another kind": (
        ["run", "baseline", *ON_TINY, "--seeds", "1", "--out", "empty.py"],
        ["empty.py"],
    ),
    "no mitigation named": (["run"], ["mitigation"]),
    "two mitigations named": (["run", "baseline", "liminal", *ON_TINY], ["liminal"]),
    "unknown option": (["run", "baseline", *ON_TINY, "--sedes", "1"], ["--sedes"]),
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
        type_in("run", "baseline", *ON_TINY, "--seeds", "1")
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
