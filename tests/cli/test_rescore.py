"""`rescore` completes old seeds from their weights, and says which it cannot complete."""

import json
import shutil
from pathlib import Path

import pytest

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.results.jsonfile import write_record
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU, TINY
from tests.support.files import contents
from tests.support.schemas import as_schema_1
from tests.support.stores import BASELINE, LIMINAL, entry_of
from tests.support.terminal import Terminal

OLD = Path(__file__).parents[1] / "fixtures" / "schema-1" / "store"
LATER = [name for name, metric in METRICS.items() if metric.since > 1]


@pytest.fixture
def store(kept: Store) -> Store:
    """A store with seeds 1 and 2 of two mitigations, to be changed."""
    return kept


def metrics_in(store: Store) -> dict[str, bytes]:
    return contents(store.root, "seed-*.json")


class TestOldSeeds:
    def test_with_their_weights_they_get_the_metrics_of_a_fresh_run(
        self, store: Store, type_in: Terminal
    ) -> None:
        fresh = metrics_in(store)
        as_schema_1(entry_of(store, LIMINAL))
        assert metrics_in(store) != fresh
        done = type_in("rescore", "liminal", "--store", store.root)
        assert done.code == 0
        assert done.out == "liminal under tiny-v1: seeds 1-2 completed\n"
        assert metrics_in(store) == fresh

    def test_then_a_run_trains_nothing(self, store: Store, type_in: Terminal) -> None:
        as_schema_1(entry_of(store, LIMINAL))
        assert type_in("rescore", "liminal", "--store", store.root).code == 0
        before = contents(store.root)
        Bench(TINY, CPU, store).run([LIMINAL], (1, 2))
        assert contents(store.root) == before

    def test_without_weights_one_line_says_which_seeds_to_run_again(
        self, tmp_path: Path, type_in: Terminal
    ) -> None:
        old = Store(shutil.copytree(OLD, tmp_path / "old"))
        before = contents(old.root)
        done = type_in("rescore", "liminal:defaults", "--store", old.root)
        assert done.code == 1
        (line,) = done.out.splitlines()
        assert line.startswith("liminal under tiny-v1: seeds 1-2 not completed: ")
        assert "no weights of their students" in line
        assert line.endswith("`subliminal-bench run` with --seeds 1-2 computes them again")
        assert contents(old.root) == before

    def test_all_runs_of_a_name_are_looked_at(self, tmp_path: Path, type_in: Terminal) -> None:
        old = shutil.copytree(OLD, tmp_path / "old")
        done = type_in("rescore", "liminal", "projection", "--store", old)
        labels = {line.partition(" under ")[0] for line in done.out.splitlines()}
        assert labels == {"liminal", "liminal (lambda0=2.0)", "projection"}

    def test_a_seed_without_its_teacher_does_not_stop_the_others(
        self, store: Store, type_in: Terminal
    ) -> None:
        as_schema_1(entry_of(store, LIMINAL))
        (teacher,) = store.root.rglob("teachers-*/seed-0001.safetensors")
        teacher.unlink()
        done = type_in("rescore", "liminal", "--store", store.root)
        assert done.code == 1
        first, second = done.out.splitlines()
        assert first == "liminal under tiny-v1: seed 2 completed"
        assert "seed 1 not completed: the store has no weights of their teachers" in second
        assert entry_of(store, LIMINAL).lacking([1, 2], path=False) == [1]

    def test_the_baselines_path_is_named_because_weights_do_not_tell_it(
        self, store: Store, type_in: Terminal
    ) -> None:
        folder = entry_of(store, BASELINE)
        as_schema_1(folder)
        (folder.path / "path-0002.json").unlink()
        done = type_in("rescore", "baseline", "--store", store.root)
        assert done.code == 1
        completed, path = done.out.splitlines()
        assert completed.endswith("seeds 1-2 completed")
        assert "seed 2 still without plain distillation's path" in path

    def test_a_complete_run_is_left_as_it_is(self, store: Store, type_in: Terminal) -> None:
        before = contents(store.root)
        done = type_in("rescore", "liminal", "--store", store.root, "--protocol", "tiny")
        assert (done.code, done.out) == (0, "liminal under tiny-v1: nothing is lacking\n")
        assert contents(store.root) == before


class TestAgain:
    def test_readings_are_the_same_bits(self, store: Store, type_in: Terminal) -> None:
        before = contents(store.root)
        done = type_in("rescore", "baseline", "liminal", "--store", store.root, "--again")
        assert done.code == 0
        for line in done.out.splitlines():
            count = len(LATER)
            assert f"seeds 1-2 computed again: {count} of {count} readings are" in line
        assert contents(store.root) == before

    def test_a_change_is_shown_and_not_written(self, store: Store, type_in: Terminal) -> None:
        folder = entry_of(store, LIMINAL)
        result = folder.result(2)
        value = result.metrics["latent_accuracy"]
        assert value is not None
        moved = dict(result.metrics) | {"latent_accuracy": value + 0.125}
        folder.save_result(result.model_copy(update={"metrics": moved}))
        before = contents(store.root)
        done = type_in("rescore", "liminal", "--store", store.root, "--again")
        assert done.code == 1
        assert "latent_accuracy changed by 0.125 at most" in done.out
        assert contents(store.root) == before

    def test_a_seed_without_weights_is_named(self, store: Store, type_in: Terminal) -> None:
        assert type_in("store", "prune", "liminal", "--store", store.root).code == 0
        done = type_in("rescore", "liminal", "--store", store.root, "--again")
        assert done.code == 1
        assert "seeds 1-2 not computed again: the store has no weights" in done.out


class TestMistakes:
    def test_a_name_that_is_not_in_the_store(self, store: Store, type_in: Terminal) -> None:
        assert (
            "no run named 'nowhere'"
            in type_in("rescore", "nowhere", "--store", store.root).error
        )

    def test_another_version_of_the_protocol(self, store: Store, type_in: Terminal) -> None:
        folder = entry_of(store, LIMINAL)
        as_schema_1(folder)
        path = folder.path / "entry.json"
        header = json.loads(path.read_text())
        header["protocol"]["fingerprint"] = 64 * "0"
        del header["digest"]
        path.write_text(json.dumps(header))
        done = type_in("rescore", folder.path.name, "--store", store.root)
        assert done.code == 1
        assert "they ran under another version of tiny" in done.out

    @pytest.mark.parametrize(
        ("content", "said"),
        [(b"{", "cannot read"), (b"", "cannot read")],
        ids=["json", "empty"],
    )
    def test_damaged_weights(
        self, content: bytes, said: str, store: Store, type_in: Terminal
    ) -> None:
        folder = entry_of(store, LIMINAL)
        as_schema_1(folder)
        (folder.path / "seed-0001.safetensors").write_bytes(content)
        done = type_in("rescore", "liminal", "--store", store.root)
        assert done.code == 1
        assert "seed 2 completed" in done.out
        assert f"seed 1 not completed: {said}" in done.out

    def test_weights_of_another_student(self, store: Store, type_in: Terminal) -> None:
        folder = entry_of(store, LIMINAL)
        as_schema_1(folder)
        result = folder.result(1)
        others = dict(result.metrics) | {"trait_accuracy": 0.75}
        path = folder.path / "seed-0001.json"
        write_record(path, result.model_copy(update={"metrics": others}))
        before = path.read_bytes()
        done = type_in("rescore", "liminal", "--store", store.root)
        assert done.code == 1
        assert "not those that the metrics are about: their trait accuracy is" in done.out
        assert path.read_bytes() == before
