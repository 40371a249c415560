"""`store list` shows what is there; `store prune` deletes weights of students only."""

import json
import shutil
from pathlib import Path

import pytest

from subliminal_bench.experiment.protocol import PROBE
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU
from tests.support.files import contents
from tests.support.terminal import Terminal


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with two seeds of two entries under the probe protocol."""
    store = Store(tmp_path_factory.mktemp("store"))
    both = [load_mitigation(name) for name in ("baseline", "class_anchor")]
    Bench(PROBE, CPU, store).run(both, (1, 2))
    return store


class TestListing:
    def test_it_names_every_run_with_its_seeds(self, store: Store, type_in: Terminal) -> None:
        done = type_in("store", "list", "--store", store.root)
        assert done.code == 0
        for words in ("baseline", "class_anchor", PROBE.label, "1-2", "MB"):
            assert words in done.out
        assert max(map(len, done.out.splitlines())) <= 80

    def test_an_empty_store_says_how_to_fill_it(
        self, tmp_path: Path, type_in: Terminal
    ) -> None:
        done = type_in("store", "list", "--store", tmp_path)
        assert done.code == 0
        assert "subliminal-bench run" in done.out

    def test_an_unknown_format_is_one_line(self, tmp_path: Path, type_in: Terminal) -> None:
        done = type_in("store", "list", "--store", tmp_path, "--format", "xml")
        assert done.code == 2
        assert "terminal, json" in done.err

    def test_its_json_has_what_the_table_has_and_more(
        self, store: Store, type_in: Terminal
    ) -> None:
        done = type_in("store", "list", "--store", store.root, "--format", "json")
        rows = json.loads(done.out)
        assert {row["run"] for row in rows} == {"baseline", "class_anchor"}
        assert all(Path(row["folder"]).is_dir() and row["bytes"] > 0 for row in rows)


class TestPruning:
    @pytest.fixture
    def own(self, store: Store, tmp_path: Path) -> Path:
        """A copy of the store, to be pruned."""
        return shutil.copytree(store.root, tmp_path / "own")

    @staticmethod
    def weights(root: Path, name: str = "") -> set[str]:
        """The files of students' weights."""
        found = contents(root, "seed-*.safetensors")
        return {path for path in found if "teachers" not in path and name in path}

    def test_students_weights_go_and_nothing_else(self, own: Path, type_in: Terminal) -> None:
        before, weights = contents(own), self.weights(own)
        size = sum(len(before[path]) for path in weights)
        done = type_in("store", "prune", "--store", own)
        assert done.code == 0
        assert f"freed {size / 1e6:.1f} MB: the weights of 4 students" in done.out
        assert "teachers stay" in done.out
        assert before.keys() - contents(own).keys() == weights
        assert len(weights) == 4
        assert list(own.rglob("teachers-*/*.safetensors"))

    def test_only_the_named_run_is_pruned(self, own: Path, type_in: Terminal) -> None:
        others = self.weights(own, "baseline")
        assert type_in("store", "prune", "class_anchor", "--store", own).code == 0
        assert self.weights(own) == others
        assert len(others) == 2

    def test_a_dry_run_deletes_nothing(self, own: Path, type_in: Terminal) -> None:
        before = contents(own)
        done = type_in("store", "prune", "--store", own, "--dry-run")
        assert "would free" in done.out
        assert contents(own) == before

    def test_afterwards_nothing_is_trained_again(self, own: Path, type_in: Terminal) -> None:
        type_in("store", "prune", "--store", own)
        before = contents(own)
        Bench(PROBE, CPU, Store(own)).run([load_mitigation("baseline")], (1, 2))
        assert contents(own) == before

    def test_there_is_nothing_to_prune_twice(self, own: Path, type_in: Terminal) -> None:
        type_in("store", "prune", "--store", own)
        done = type_in("store", "prune", "--store", own)
        assert (done.code, done.out.splitlines()[0][:13]) == (0, "freed 0 bytes")

    def test_a_name_that_is_not_there_is_one_line(self, own: Path, type_in: Terminal) -> None:
        before = contents(own)
        done = type_in("store", "prune", "baseline", "nowhere", "--store", own)
        assert "no run named 'nowhere'" in done.error
        assert contents(own) == before
