"""One table knows every kind of file in a store: what is written, and seen when damaged."""

from pathlib import Path

import pytest

from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.folders import FILE_KINDS
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU, TINY
from tests.support.documents import page
from tests.support.studies import keep_study
from tests.support.terminal import Terminal


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A store with a file of every kind."""
    bench = Bench(TINY, CPU, Store(tmp_path / "full"))
    baseline = load_mitigation("baseline")
    (run,) = bench.run([baseline], (1,), show_blind=[baseline])
    # Any two runs will do as an entry and its twin.
    bench.with_twin(run, baseline, baseline, run)
    keep_study(tmp_path / "full", run)
    return tmp_path / "full"


def kinds_of(path: Path) -> list[str]:
    return [kind.pattern for kind in FILE_KINDS if path.match(kind.pattern)]


def test_every_file_that_is_written_is_of_one_kind(full: Path) -> None:
    files = [path for path in full.rglob("*") if path.is_file() and path.suffix != ".lock"]
    found = [kinds_of(path) for path in files]
    assert {len(patterns) for patterns in found} == {1}
    assert {pattern for (pattern,) in found} == {kind.pattern for kind in FILE_KINDS}


@pytest.mark.parametrize("pattern", [kind.pattern for kind in FILE_KINDS])
def test_the_doctor_sees_a_damaged_file_of_every_kind(
    pattern: str, full: Path, type_in: Terminal
) -> None:
    """Two modules once kept a list each, and one was not extended."""
    damaged = list(full.rglob(pattern))
    for path in damaged:
        path.write_bytes(b"{")
    done = type_in("doctor", "--store", full)
    assert done.code == 1
    shown = "".join(done.out.split())
    assert damaged
    assert all(f"{path.parent.name}/{path.name}" in shown for path in damaged)


def test_the_page_on_the_store_names_every_kind() -> None:
    layout = page("docs/store.md").partition("## Layout")[2].partition("\n## ")[0]
    for kind in FILE_KINDS:
        assert kind.pattern.replace("*", "0001") in layout, kind.pattern


def test_the_looks_of_version_0_1_are_left_alone(full: Path, type_in: Terminal) -> None:
    (folder,) = (path.parent for path in full.rglob("seed-*.json"))
    left = folder / "looks.json"
    left.write_bytes(b"{")
    assert left.name not in type_in("doctor", "--store", full).out
    assert type_in("store", "verify", "--clean", "--store", full).code == 0
    bench = Bench(TINY, CPU, Store(full))
    (run,) = bench.run([load_mitigation("baseline")], (1,))
    assert run.seed_numbers == (1,)
    assert left.read_bytes() == b"{"
