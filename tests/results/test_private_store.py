"""A store is its owner's alone unless its owner shares it, and no link leads out of it."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.files import make_kept_folder, write_atomically
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU, TINY
from tests.support.stores import BASELINE, bench, entry_of, refused
from tests.support.terminal import Terminal


def modes(root: Path) -> set[tuple[bool, int]]:
    """What folders and files below a root allow, without the locks' own."""
    return {
        (path.is_dir(), stat.S_IMODE(path.lstat().st_mode))
        for path in [root, *root.rglob("*")]
        if ".locks" not in path.parts
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "store"
    bench(Store(folder)).run([BASELINE], (1, 2))
    return folder


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Store:
    return Store(shutil.copytree(filled, tmp_path / "store"))


class TestModes:
    def test_a_new_store_is_its_owners_alone(self, filled: Path) -> None:
        assert modes(filled) == {(True, 0o700), (False, 0o600)}

    def test_the_folders_around_it_are_as_open_as_ever(self, tmp_path: Path) -> None:
        make_kept_folder(tmp_path / "a" / "store" / "b", tmp_path / "a" / "store")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o755
        assert stat.S_IMODE((tmp_path / "a" / "store" / "b").stat().st_mode) == 0o700

    @pytest.mark.parametrize(("mode", "mask"), [(0o755, 0o022), (0o775, 0o002), (0o770, 0o007)])
    def test_a_store_that_is_open_stays_so_in_all_of_its_parts(
        self, mode: int, mask: int, tmp_path: Path
    ) -> None:
        root = tmp_path / "store"
        root.mkdir()
        root.chmod(mode)
        before = os.umask(mask)
        try:
            Bench(TINY, CPU, Store(root)).run([load_mitigation("baseline")], (1,))
        finally:
            os.umask(before)
        assert modes(root) == {(True, mode), (False, mode & 0o666)}

    def test_a_mask_is_kept_to(self, tmp_path: Path) -> None:
        root = tmp_path / "store"
        root.mkdir(mode=0o755)
        before = os.umask(0o077)
        try:
            make_kept_folder(root / "a", root)
            write_atomically(root / "a" / "file", b"", kept=True)
        finally:
            os.umask(before)
        assert stat.S_IMODE((root / "a").stat().st_mode) == 0o700
        assert stat.S_IMODE((root / "a" / "file").stat().st_mode) == 0o600

    def test_a_store_with_other_modes_is_continued(self, store: Store) -> None:
        for path in [store.root, *store.root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        (run,) = bench(store).run([BASELINE], (1, 2, 3))
        assert run.seed_numbers == (1, 2, 3)


class TestLinks:
    @pytest.mark.parametrize("name", ["seed-0001.json", "entry.json", "seed-0001.npz"])
    @pytest.mark.parametrize("kind", ["link", "pipe"])
    def test_a_result_that_is_no_file_is_named_and_not_followed(
        self, name: str, kind: str, store: Store, filled: Path
    ) -> None:
        folder = entry_of(store)
        (folder.path / name).unlink()
        if kind == "pipe":
            os.mkfifo(folder.path / name)
        else:
            (folder.path / name).symlink_to(entry_of(Store(filled)).path / name)

        def everything_read() -> object:
            found = entry_of(store)
            return [found.run(), found.curves(1), found.weights(1)]

        assert f"{folder.path / name}" in refused(everything_read)

    def test_a_folder_of_somebody_elses_results_is_not_followed(
        self, store: Store, filled: Path
    ) -> None:
        path = entry_of(store).path
        shutil.rmtree(path)
        path.symlink_to(entry_of(Store(filled)).path)
        said = refused(lambda: bench(store).run([BASELINE], (1,)))
        assert f"{path.name} is a link" in said
        assert store.entries() == []

    def test_a_link_to_an_empty_folder_is_not_written_through(
        self, tmp_path: Path, store: Store
    ) -> None:
        path = entry_of(store).path
        shutil.rmtree(path)
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to(tmp_path / "elsewhere")
        assert "is a link" in refused(lambda: bench(store).run([BASELINE], (1,)))
        assert list((tmp_path / "elsewhere").iterdir()) == []

    def test_a_result_is_not_written_through_a_link(self, tmp_path: Path, store: Store) -> None:
        precious = tmp_path / "precious"
        precious.write_text("kept")
        folder = entry_of(store)
        (folder.path / "seed-0003.npz").symlink_to(precious)
        os.mkfifo(folder.path / "seed-0003.safetensors")
        (run,) = bench(store).run([BASELINE], (1, 3))
        assert run.seed_numbers == (1, 3)
        assert precious.read_text() == "kept"
        assert entry_of(store).curves(3) is not None
        assert entry_of(store).weights(3) is not None

    def test_a_teacher_that_is_a_link_is_trained_anew(self, store: Store) -> None:
        (path,) = store.root.glob("tiny-v1/teachers-*/seed-0001.safetensors")
        before = path.read_bytes()
        path.rename(path.with_name("other"))
        path.symlink_to("other")
        entry_of(store).files(1)[0].unlink()
        bench(store).run([BASELINE], (1,))
        assert not path.is_symlink()
        assert path.read_bytes() == before

    def test_a_store_that_its_owner_reaches_by_a_link_is_used(
        self, store: Store, tmp_path: Path
    ) -> None:
        (tmp_path / "alias").symlink_to(store.root)
        (run,) = bench(Store(tmp_path / "alias")).run([BASELINE], (1, 2, 3))
        assert run.seed_numbers == (1, 2, 3)
        assert entry_of(store).is_finished(3)

    def test_the_doctor_and_the_check_of_a_store_name_links(
        self, store: Store, filled: Path, type_in: Terminal
    ) -> None:
        path = entry_of(store).path / "seed-0002.json"
        path.unlink()
        path.symlink_to(entry_of(Store(filled)).path / "seed-0002.json")
        assert "seed-0002.json is a link" in " ".join(
            type_in("doctor", "--store", store.root).out.split()
        )
        assert "is a link" in type_in("store", "verify", "--store", store.root).out
        assert type_in("store", "verify", "--clean", "--store", store.root).code == 0
        assert entry_of(Store(filled)).is_finished(2)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
class TestOwners:
    def test_a_strangers_result_in_a_private_store_is_refused(self, store: Store) -> None:
        path = entry_of(store).path / "seed-0001.json"
        os.chown(path, 54321, 54321)
        store.root.chmod(0o755)
        assert "belongs to another user (number 54321)" in refused(
            lambda: entry_of(store).run()
        )

    def test_in_a_shared_store_everybodys_results_are_read(self, store: Store) -> None:
        for path in store.root.rglob("*"):
            os.chown(path, 54321, 54321)
        store.root.chmod(0o2775)
        assert entry_of(store).run().seed_numbers == (1, 2)


def test_a_link_below_the_root_is_not_made_a_folder_of(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a").symlink_to(tmp_path)
    with pytest.raises(ResultError, match="it is a link"):
        make_kept_folder(tmp_path / "store" / "a" / "b", tmp_path / "store")
    assert not (tmp_path / "b").exists()
