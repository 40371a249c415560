"""Seeds are completed one by one, under locks; diverged ones like those of a fresh run."""

from pathlib import Path

import pytest

from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.folders import RunFolder
from subliminal_bench.results.locks import Locks
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.progress import Silent
from subliminal_bench.running.rescore import rescore_run
from tests.conftest import CPU, TINY
from tests.support.files import contents
from tests.support.plugins_for_tests import plugin
from tests.support.schemas import as_schema_1
from tests.support.stores import BASELINE, LIMINAL, entry_of

pytestmark = pytest.mark.usefixtures("tiny")
HUGE = Mitigation((plugin("huge", parameter_update=lambda update, step: update * 1e36),))


@pytest.fixture
def store(kept: Store) -> Store:
    """A store with runs whose seeds are sound, and one of which every seed has diverged."""
    Bench(TINY, CPU, kept).run([HUGE], (1, 2))
    return kept


def test_a_diverged_seed_gets_what_a_fresh_run_gives_it(store: Store) -> None:
    folder = entry_of(store, HUGE)
    assert all(result.diverged_at is not None for result in folder.run().seeds)
    fresh = contents(store.root)
    as_schema_1(folder)
    found = rescore_run(folder, store)
    assert found.completed == [1, 2]
    assert contents(store.root, "seed-*") == {
        name: content
        for name, content in fresh.items()
        if "entry" not in name and "path" not in name
    }
    assert rescore_run(folder, store, again=True).good


class StoppedError(Exception):
    """What a user's interruption is here."""


class Stopping(Silent):
    """Ends the work after the first seed."""

    def advance(self, work: int) -> None:
        raise StoppedError


def test_an_interrupted_call_is_continued_by_the_next(store: Store) -> None:
    folder = entry_of(store, LIMINAL)
    fresh = contents(folder.path, "seed-*")
    as_schema_1(folder)
    with pytest.raises(StoppedError):
        rescore_run(folder, store, watcher=Stopping())
    assert folder.lacking([1, 2], path=False) == [2]
    assert rescore_run(folder, store).completed == [2]
    assert contents(folder.path, "seed-*") == fresh


class Releasing(Silent):
    """Another process, which lets go of its lock once this one has completed a seed."""

    def __init__(self, locks: Locks) -> None:
        self._locks = locks

    def advance(self, work: int) -> None:
        self._locks.release()


def test_a_seed_that_another_process_works_on_comes_last(store: Store) -> None:
    folder = entry_of(store, LIMINAL)
    as_schema_1(folder)
    with Locks() as others:
        assert folder.lock(1, others)
        found = rescore_run(folder, store, watcher=Releasing(others))
    assert found.completed == [2, 1]


class Completing(Releasing):
    """Another process, which has completed the seed by then."""

    def __init__(self, locks: Locks, path: Path, content: bytes) -> None:
        super().__init__(locks)
        self._path, self._content = path, content

    def advance(self, work: int) -> None:
        self._path.write_bytes(self._content)
        super().advance(work)


def test_a_seed_that_another_process_has_completed_is_left_to_it(store: Store) -> None:
    folder = entry_of(store, LIMINAL)
    path = folder.path / "seed-0001.json"
    content = path.read_bytes()
    as_schema_1(folder)
    with Locks() as others:
        assert folder.lock(1, others)
        found = rescore_run(folder, store, watcher=Completing(others, path, content))
    assert found.completed == [2]
    assert path.read_bytes() == content


def test_the_teachers_of_a_continued_folder_of_version_0_1_are_found(store: Store) -> None:
    """Its header has no arithmetic, but teachers of later seeds are kept under it."""
    folder = entry_of(store, LIMINAL)
    unknown = folder.header.environment.model_copy(update={"arithmetic": None})
    older = type(folder)(folder.path, folder.header.model_copy(update={"environment": unknown}))
    assert store.teacher_of(older, TINY, 1) is not None
    as_schema_1(older)
    assert rescore_run(older, store).completed == [1, 2]


def without_changes(folder: RunFolder) -> None:
    """Leave of a stored run what it had before weights were compared with their beginning."""
    for seed in folder.finished():
        folder.save_result(folder.result(seed).model_copy(update={"weight_change": None}))


@pytest.mark.parametrize("one", [BASELINE, LIMINAL], ids=lambda one: str(one.name))
def test_weights_tell_their_change_to_the_bit_where_no_hook_touched_them(
    one: Mitigation, store: Store
) -> None:
    folder = entry_of(store, one)
    fresh = contents(folder.path, "seed-*")
    without_changes(folder)
    assert contents(folder.path, "seed-*") != fresh
    found = rescore_run(folder, store)
    assert (found.completed, found.without_change, found.good) == ([1, 2], {}, True)
    assert contents(folder.path, "seed-*") == fresh


def test_weights_do_not_tell_what_hooks_did_on_the_way(kept: Store) -> None:
    shield = load_mitigation("class_shield")
    (fresh,) = Bench(TINY, CPU, kept).run([shield], (1,))
    folder = entry_of(kept, shield)
    without_changes(folder)
    assert rescore_run(folder, kept).completed == [1]
    known, found = fresh.seeds[0].weight_change, folder.result(1).weight_change
    assert known is not None
    assert found == known.model_copy(
        update={"hook_updates": None, "finish": None, "unexplained": None}
    )


OWN = Mitigation((plugin("own", distill_gradient=lambda gradient, step: gradient),))


@pytest.mark.parametrize(
    "one", [load_mitigation("rewired_head"), OWN], ids=["changes the start", "own file"]
)
def test_where_training_began_is_not_guessed(one: Mitigation, kept: Store) -> None:
    Bench(TINY, CPU, kept).run([one], (1,))
    folder = entry_of(kept, one)
    without_changes(folder)
    before = contents(kept.root)
    found = rescore_run(folder, kept)
    assert found.completed == []
    ((why, seeds),) = found.without_change.items()
    assert (seeds, "where training began" in why) == ([1], True)
    # Nothing that a verdict needs is lacking.
    assert found.good
    assert contents(kept.root) == before


def test_without_weights_a_complete_seed_lacks_nothing_that_a_run_would_train(
    store: Store,
) -> None:
    folder = entry_of(store, LIMINAL)
    without_changes(folder)
    for path in folder.weight_files():
        path.unlink()
    found = rescore_run(folder, store)
    assert (found.completed, found.refused) == ([], {})
    assert found.without_change == {"the store has no weights of their students": [1, 2]}
    assert found.good
