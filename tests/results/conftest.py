"""A filled store, to be changed at will."""

import shutil
from pathlib import Path

import pytest

from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU, TINY
from tests.support.stores import BASELINE, LIMINAL


@pytest.fixture(scope="module")
def kept_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with seeds 1 and 2 of two mitigations."""
    folder = tmp_path_factory.mktemp("kept")
    Bench(TINY, CPU, Store(folder)).run([BASELINE, LIMINAL], (1, 2))
    return folder


@pytest.fixture
def kept(kept_folder: Path, tmp_path: Path) -> Store:
    """A copy of that store, to be changed at will."""
    return Store(shutil.copytree(kept_folder, tmp_path / "store"))
