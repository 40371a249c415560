"""Numbers that cannot be a protocol's are not saved, and are found in a store that has them."""

import shutil
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment import model
from subliminal_bench.experiment.protocol import PROBE, Protocol
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.folders import check_teacher
from subliminal_bench.results.jsonfile import write_record
from subliminal_bench.results.self_check import check_seed, find_faults
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU
from tests.support.files import contents
from tests.support.terminal import Terminal

BASELINE = "baseline"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two seeds of two entries under the probe protocol."""
    folder = tmp_path_factory.mktemp("trained")
    both = [load_mitigation(name) for name in (BASELINE, "class_anchor")]
    Bench(PROBE, CPU, Store(folder)).run(both, (1, 2))
    return folder


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> Store:
    """A copy of that store, to be changed."""
    shutil.copytree(trained, tmp_path / "store")
    return Store(tmp_path / "store")


@pytest.fixture
def other_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that draws other initial weights than the protocol's."""
    drawn = model.initial_parameters

    def initial(
        protocol: Protocol, seeds: tuple[int, ...], device: torch.device
    ) -> torch.Tensor:
        return drawn(protocol, tuple(seed + 50 for seed in seeds), device)

    monkeypatch.setattr(model, "initial_parameters", initial)


def test_what_the_protocol_gives_is_saved_and_nothing_is_found(store: Store) -> None:
    assert len(store.entries()) == 2
    assert list(find_faults(store)) == []


def test_a_process_that_computes_something_else_saves_no_seed(
    other_weights: None, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(ResultError, match=r"seed 1: .* committed baseline.* it is not saved"):
        Bench(PROBE, CPU, store).run([load_mitigation(BASELINE)], (1, 2))
    assert not list(store.root.rglob("seed-*.json"))


def test_a_teacher_of_other_weights_is_not_used(store: Store) -> None:
    bench = Bench(PROBE, CPU, store)
    folder = store.teachers(PROBE, bench.environment)
    own, other = folder.load(1), folder.load(2)
    assert own is not None
    assert other is not None
    assert check_teacher(PROBE, 1, own) is None
    assert check_teacher(PROBE, 1, other)
    path = folder.path / "seed-0001.safetensors"
    before = path.read_bytes()
    folder.save(1, other)
    assert folder.load(1) is None
    assert [fault.what for fault in find_faults(store)] == ["teacher of seed 1 under probe"]
    bench.run([load_mitigation("liminal")], (1,))
    assert path.read_bytes() == before


def poison(store: Store, name: str, seed: int, metric: str, add: float) -> Path:
    """Change a stored seed's metric, as another process would have written it."""
    (entry,) = store.find(name, None)
    (result,) = entry.run([seed]).seeds
    metrics = dict(result.metrics)
    metrics[metric] = (metrics[metric] or 0.0) + add
    path = entry.path / f"seed-{seed:04d}.json"
    write_record(path, result.model_copy(update={"metrics": metrics}))
    return path


@pytest.mark.parametrize(
    ("metric", "add"),
    [("kl_initial", 0.05), ("trait_loss_initial", 0.01), ("initial_accuracy", 0.05)],
)
class TestAPoisonedSeed:
    def test_it_is_named_and_only_its_files_are_cleaned(
        self, metric: str, add: float, store: Store, type_in: Terminal
    ) -> None:
        path = poison(store, BASELINE, 2, metric, add)
        before = contents(store.root)
        done = type_in("store", "verify", "--store", store.root)
        assert done.code == 1
        assert "baseline under probe, seed 2" in done.out
        assert contents(store.root) == before
        done = type_in("store", "verify", "--store", store.root, "--clean")
        assert done.code == 0
        gone = before.keys() - contents(store.root).keys()
        own = (
            path,
            path.with_suffix(".npz"),
            path.with_suffix(".safetensors"),
            path.with_name("path-0002.json"),
        )
        assert gone == {str(one.relative_to(store.root)) for one in own}
        assert type_in("store", "verify", "--store", store.root).code == 0

    def test_it_is_not_scored(self, metric: str, add: float, store: Store) -> None:
        poison(store, BASELINE, 2, metric, add)
        with pytest.raises(ResultError, match=r"baseline, seed 2 in the store: .*store verify"):
            Bench(PROBE, CPU, store).run([load_mitigation(BASELINE)], (1, 2))


def test_what_a_mitigation_does_at_the_start_is_no_fault() -> None:
    changed = {"kl_initial": 99.0, "trait_loss_initial": 99.0}
    assert check_seed(PROBE, 1, changed, starts=True) is None
    assert check_seed(PROBE, 1, changed, starts=False)


def test_a_seed_without_a_reference_is_not_judged() -> None:
    assert check_seed(PROBE, 10**6, {"kl_initial": 99.0}, starts=False) is None


def test_a_damaged_file_is_found_too(store: Store, type_in: Terminal) -> None:
    (entry,) = store.find(BASELINE, None)
    (entry.path / "seed-0001.json").write_text("{")
    (entry.path / "seed-0002.safetensors").write_bytes(b"{")
    done = type_in("store", "verify", "--store", store.root)
    assert done.code == 1
    assert "baseline under probe, seed 1" in done.out
    assert "baseline under probe, seed 2" in done.out
