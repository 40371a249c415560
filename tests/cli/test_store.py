"""`store list` shows what is there."""

import json
from pathlib import Path

import pytest

from subliminal_bench.experiment.protocol import PROBE
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU
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
