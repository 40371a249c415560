"""What the tests share: a protocol that takes a fraction of a second, and the real files."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

# The optimisers load it when they are first used. In a test that runs pytest inside itself
# (`pytester`), which forgets afterwards what was loaded, it could never be loaded again.
import torch._dynamo

from subliminal_bench import shipped
from subliminal_bench.conformance import SMALL
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K, Protocol
from subliminal_bench.experiment.tracks import PROTOCOLS
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.first_order import FirstOrderChange, measure_first_order
from subliminal_bench.training.teacher import train_teachers
from tests.support.isolated import remove_sandbox
from tests.support.terminal import Terminal

# Before any module of tests computes something: tests copy this process, and a copy whose
# original has started OpenMP's threads waits for them for ever.
torch.set_num_threads(1)

CPU = torch.device("cpu")

TINY = replace(SMALL, name="tiny", about="for tests")
PRECISE = replace(SMALL, name="precise", precision="float64")


@pytest.fixture(autouse=True)
def _one_thread_and_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small products gain nothing from threads; the caller's settings must not leak in."""
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for variable in ("SUBLIMINAL_BENCH_DATA", "SUBLIMINAL_BENCH_STORE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session", autouse=True)
def _the_checkout_stays_as_it_is() -> Iterator[None]:
    """No test may write where later tests, and later commits, would find it."""

    def there() -> set[Path]:
        return {
            path
            for name in ("leaderboard", "plugins")
            for path in shipped.folder(name).rglob("*")
            if "__pycache__" not in path.parts
        }

    before = there()
    yield
    assert there() == before


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Protocol:
    """The test protocol, known by name as the built-in ones are."""
    monkeypatch.setitem(PROTOCOLS, TINY.name, TINY)
    return TINY


@pytest.fixture(scope="session")
def embedded_digits() -> Digits:
    return load_digits(MNIST_5K)


@pytest.fixture(scope="session")
def tiny_cohort(embedded_digits: Digits) -> Callable[..., Cohort]:
    """Cohorts of the test protocol with trained teachers."""

    def build(*seeds: int) -> Cohort:
        teachers = train_teachers(TINY, seeds, embedded_digits, CPU)
        return Cohort(TINY, seeds, CPU, embedded_digits, teachers)

    return build


@pytest.fixture
def without_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no sandbox for isolated mitigations."""
    remove_sandbox(monkeypatch)


@pytest.fixture(scope="session")
def measured() -> list[FirstOrderChange]:
    return measure_first_order(PRECISE)


def beside(*parts: str) -> Path:
    """A file or folder that may lie beside the checkout."""
    return Path(__file__).parents[2].joinpath("shared", *parts)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """A folder with MNIST's files, or a skip that says how to name one."""
    named = os.environ.get("SUBLIMINAL_BENCH_DATA")
    folder = Path(named) if named else beside("mnist")
    if not (folder / "MNIST" / "raw").is_dir():
        pytest.skip("no MNIST files: name their folder in SUBLIMINAL_BENCH_DATA")
    return folder


@pytest.fixture(scope="session")
def mnist_digits(mnist_dir: Path) -> Digits:
    return load_digits(MNIST, mnist_dir)


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of the published per-seed results."""
    folder = beside("reference")
    if not folder.is_dir():
        pytest.skip("the published per-seed results are not beside this checkout")
    return folder


@pytest.fixture
def type_in(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny: object,
) -> Terminal:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal(monkeypatch, capsys)


@pytest.fixture(scope="session")
def kept_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with seeds 1 and 2 of two mitigations."""
    folder = tmp_path_factory.mktemp("kept")
    Bench(TINY, CPU, Store(folder)).run(
        [load_mitigation("baseline"), load_mitigation("liminal")], (1, 2)
    )
    return folder


@pytest.fixture
def kept(kept_folder: Path, tmp_path: Path) -> Store:
    """A copy of that store, to be changed at will."""
    return Store(shutil.copytree(kept_folder, tmp_path / "store"))
