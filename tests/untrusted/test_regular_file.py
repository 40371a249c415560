"""A name stands for a regular file of bounded size below its folder, or is refused at once."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from subliminal_bench.errors import NoSuchFileError, ResultError
from subliminal_bench.untrusted.regular_file import read_bytes
from tests.support.plugins_for_tests import one_line

STRANGER = 54321
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")


def refused(path: Path, root: Path | None = None, *, owned: bool = False) -> str:
    with pytest.raises(ResultError) as caught:
        read_bytes(path, 100, root, owned=owned)
    said = one_line(caught.value)
    assert str(path) in said
    return said


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a file two folders deep."""
    (tmp_path / "root" / "a" / "b").mkdir(parents=True)
    (tmp_path / "root" / "a" / "b" / "file").write_bytes(b"mine")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_bytes(b"somebody else's")
    return tmp_path / "root"


def socket_at(path: Path) -> None:
    # Its address would be too long.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


class TestKinds:
    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (os.mkfifo, "it is a pipe"),
            (os.mkdir, "it is a folder"),
            (socket_at, "cannot read"),
            (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
            (lambda path: path.symlink_to(path.name), "symbolic links"),
            (lambda path: path.write_bytes(bytes(101)), "more than 100 bytes"),
        ],
        ids=["pipe", "folder", "socket", "device", "circle", "large"],
    )
    def test_what_is_no_file_is_refused_without_waiting(
        self, make: Callable[[Path], object], said: str, tmp_path: Path
    ) -> None:
        make(tmp_path / "file")
        assert said in refused(tmp_path / "file")

    def test_a_file_that_takes_no_room_on_disk_is_too_large_all_the_same(
        self, tmp_path: Path
    ) -> None:
        with (tmp_path / "file").open("wb") as file:
            file.truncate(10**12)
        assert "more than 100 bytes" in refused(tmp_path / "file")

    def test_a_file_that_grows_is_read_no_further_than_it_may_be(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_bytes(bytes(90))
        looked = os.fstat

        def grown(handle: int) -> os.stat_result:
            found = looked(handle)
            with (tmp_path / "file").open("ab") as file:
                file.write(bytes(1000))
            return found

        monkeypatch.setattr(os, "fstat", grown)
        assert "more than 100 bytes" in refused(tmp_path / "file")

    def test_what_is_not_there_has_an_error_of_its_own(self, root: Path) -> None:
        for path in (root / "none", root / "none" / "file"):
            with pytest.raises(NoSuchFileError, match="no such file"):
                read_bytes(path, 100, root)

    def test_a_name_that_no_file_has_is_refused(self, tmp_path: Path) -> None:
        for name in ("a\0b", "x" * 300):
            with pytest.raises(ResultError, match="cannot read"):
                read_bytes(tmp_path / name, 100, tmp_path)


class TestLinks:
    def test_a_link_is_followed_where_the_user_named_it(self, root: Path) -> None:
        (root / "link").symlink_to(root / "a" / "b" / "file")
        assert read_bytes(root / "link", 100) == b"mine"

    def test_a_link_is_not_followed_below_a_root(self, root: Path) -> None:
        (root / "a" / "b" / "link").symlink_to("file")
        assert "link is a link" in refused(root / "a" / "b" / "link", root)

    def test_nor_is_one_in_the_middle_of_the_path(self, root: Path) -> None:
        (root / "a" / "c").symlink_to(root.parent / "secret")
        assert "c is a link" in refused(root / "a" / "c" / "file", root)

    def test_the_root_itself_may_be_a_link(self, root: Path) -> None:
        (root.parent / "alias").symlink_to(root)
        alias = root.parent / "alias"
        assert read_bytes(alias / "a" / "b" / "file", 100, alias) == b"mine"

    def test_no_path_leads_out(self, root: Path) -> None:
        path = root / ".." / "secret" / "file"
        assert "out of its folder" in refused(path, root)

    def test_a_folder_that_is_exchanged_for_a_link_meanwhile_is_not_followed(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the look at a folder and the opening of what is in it."""
        opened = os.open

        def exchanged(name: str, *rest: int, dir_fd: int | None = None) -> int:
            handle = opened(name, *rest, dir_fd=dir_fd)
            if name == "a":
                (root / "a").rename(root / "gone")
                (root / "a").symlink_to(root.parent / "secret")
                (root.parent / "secret" / "b").symlink_to(root.parent / "secret")
            return handle

        monkeypatch.setattr(os, "open", exchanged)
        monkeypatch.setattr(os, "supports_dir_fd", {exchanged})
        assert read_bytes(root / "a" / "b" / "file", 100, root) == b"mine"


class TestOwners:
    @as_root
    def test_a_strangers_file_in_a_private_folder_is_refused(self, root: Path) -> None:
        path = root / "a" / "b" / "file"
        os.chown(path, STRANGER, STRANGER)
        root.chmod(0o755)
        assert f"another user (number {STRANGER})" in refused(path, root, owned=True)
        assert read_bytes(path, 100, root) == b"mine"

    @as_root
    def test_the_owner_of_the_root_may_own_what_is_in_it(self, root: Path) -> None:
        path = root / "a" / "b" / "file"
        for one in (root, path):
            os.chown(one, STRANGER, STRANGER)
        assert read_bytes(path, 100, root, owned=True) == b"mine"

    @as_root
    @pytest.mark.parametrize("mode", [0o775, 0o2770, 0o777])
    def test_who_shares_a_folder_reads_the_others_files(self, mode: int, root: Path) -> None:
        path = root / "a" / "b" / "file"
        os.chown(path, STRANGER, STRANGER)
        root.chmod(mode)
        assert read_bytes(path, 100, root, owned=True) == b"mine"

    def test_ones_own_files_are_read(self, root: Path) -> None:
        assert read_bytes(root / "a" / "b" / "file", 100, root, owned=True) == b"mine"


def test_without_handles_of_folders_a_link_is_refused_too(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "supports_dir_fd", set())
    (root / "a" / "c").symlink_to(root.parent / "secret")
    assert read_bytes(root / "a" / "b" / "file", 100, root) == b"mine"
    assert "c is a link" in refused(root / "a" / "c" / "file", root)
