"""Which arithmetic ran is recorded, and results of different arithmetic are kept apart."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from subliminal_bench.experiment import linear
from subliminal_bench.experiment.linear import arithmetic
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU, TINY
from tests.support.terminal import Terminal

BASELINE = load_mitigation("baseline")


def ran(folder: Path) -> Run:
    (run,) = Bench(TINY, CPU, Store(folder)).run([BASELINE], (1,))
    return run


def test_it_says_which_way_products_go(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = arithmetic(CPU)
    assert torch.backends.cpu.get_cpu_capability() in usual
    monkeypatch.setattr(linear, "_onednn_is_there", lambda: False)
    assert arithmetic(CPU).startswith("matmul, measured from float32, ")
    monkeypatch.setattr(linear, "bfloat16_is_faster", lambda device: True)
    assert "measured from bfloat16" in arithmetic(CPU)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert arithmetic(CPU).endswith("oneDNN up to AVX2")


def test_every_run_records_it(tmp_path: Path) -> None:
    assert ran(tmp_path).environment.arithmetic == arithmetic(CPU)
    (header,) = tmp_path.rglob("entry.json")
    assert json.loads(header.read_text())["environment"]["arithmetic"] == arithmetic(CPU)


def test_the_doctor_shows_it(type_in: Terminal) -> None:
    found = json.loads(type_in("doctor", "--format", "json").out)
    assert [one["found"] for one in found if one["name"] == "arithmetic"] == [arithmetic(CPU)]


def test_two_processors_that_share_a_store_do_not_mix_their_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(tmp_path)
    monkeypatch.setattr(
        "subliminal_bench.training.device.arithmetic", lambda device: "another one"
    )
    ran(tmp_path)
    folders = {path.parent for path in tmp_path.rglob("seed-0001.json")}
    assert len(folders) == 2
    assert len(list(tmp_path.rglob("teachers-*/seed-0001.safetensors"))) == 2


class TestOlderStores:
    """Folders from before arithmetic was recorded."""

    @pytest.fixture
    def older(self, tmp_path: Path) -> Path:
        """A store as version 0.1 left it: no arithmetic in header and key."""
        bench = Bench(TINY, CPU, Store(tmp_path))
        made = bench.run([BASELINE], (1,))[0].environment
        before = made.model_copy(update={"arithmetic": None})
        here = bench.store.run_folder(TINY, BASELINE, made)
        there = bench.store.run_folder(TINY, BASELINE, before)
        shutil.move(here.path, there.path)
        (there.path / "entry.json").unlink()
        there.mark_used()
        return there.path

    def test_they_are_continued_on_the_same_processor(
        self, older: Path, tmp_path: Path
    ) -> None:
        before = (older / "seed-0001.json").stat().st_mtime_ns
        Bench(TINY, CPU, Store(tmp_path)).run([BASELINE], (1, 2))
        assert (older / "seed-0002.json").exists()
        assert (older / "seed-0001.json").stat().st_mtime_ns == before
        assert "arithmetic" not in (older / "entry.json").read_text()

    def test_they_are_not_continued_on_another(
        self, older: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "subliminal_bench.training.device.device_name", lambda device: "another processor"
        )
        Bench(TINY, CPU, Store(tmp_path)).run([BASELINE], (1, 2))
        assert not (older / "seed-0002.json").exists()

    def test_they_are_still_found_by_name(self, older: Path, tmp_path: Path) -> None:
        (folder,) = Store(tmp_path).find("baseline", "tiny")
        assert folder.path == older
        assert folder.run().seed_numbers == (1,)


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        ({}, True),
        ({"device_name": "another processor"}, True),
        ({"arithmetic": "matmul, measured from float32, AVX2"}, False),
        ({"arithmetic": None}, True),
        ({"arithmetic": None, "device_name": "another processor"}, False),
        ({"torch": "0.0.1"}, False),
    ],
    ids=str,
)
def test_what_computes_alike(change: dict[str, str | None], alike: bool) -> None:
    here = Environment.here("cpu", "a processor", 3, arithmetic(CPU))
    there = here.model_copy(update=change)
    assert here.computes_like(there) is there.computes_like(here) is alike
