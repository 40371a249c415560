"""A file is written whole, or what was there stays as it was."""

import os
from pathlib import Path

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.results.files import write_atomically
from tests.support.plugins_for_tests import one_line


class TestWriting:
    def test_what_was_there_is_replaced_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "file"
        for content in (b"long" * 1000, b"short"):
            write_atomically(path, content)
            assert path.read_bytes() == content
        assert list(path.parent.iterdir()) == [path]

    def test_the_file_has_the_permissions_of_any_other(self, tmp_path: Path) -> None:
        path, plain = tmp_path / "file", tmp_path / "plain"
        write_atomically(path, b"")
        plain.write_bytes(b"")
        assert path.stat().st_mode == plain.stat().st_mode

    def test_a_full_disk_leaves_what_was_there_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "file"
        write_atomically(path, b"before")

        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ResultError, match="No space left") as caught:
            write_atomically(path, b"after")
        assert str(path) in one_line(caught.value)
        assert path.read_bytes() == b"before"
        assert list(tmp_path.iterdir()) == [path]

    def test_an_interruption_leaves_what_was_there_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "file"
        write_atomically(path, b"before")

        def interrupted(handle: int) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(path, b"after")
        assert path.read_bytes() == b"before"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_pipe_is_written_to_and_stays_a_pipe(self, tmp_path: Path) -> None:
        """Whoever runs as root must not lose `/dev/null`."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        # Opened for reading first, because a pipe that nobody reads cannot be written to.
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            write_atomically(pipe, b"content")
            assert os.read(reader, 100) == b"content"
        finally:
            os.close(reader)
        assert pipe.is_fifo()
        assert list(tmp_path.iterdir()) == [pipe]

    def test_a_link_stays_a_link_to_the_file(self, tmp_path: Path) -> None:
        file, link = tmp_path / "file", tmp_path / "link"
        file.write_bytes(b"before")
        link.symlink_to(file)
        write_atomically(link, b"after")
        assert link.is_symlink()
        assert file.read_bytes() == b"after"

    def test_a_path_that_is_a_folder_is_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "folder"
        path.mkdir()
        with pytest.raises(ResultError, match="cannot write") as caught:
            write_atomically(path, b"")
        one_line(caught.value)
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_that_is_a_file_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("kept")
        with pytest.raises(ResultError, match="cannot write") as caught:
            write_atomically(tmp_path / "file" / "run.json", b"")
        one_line(caught.value)
        assert (tmp_path / "file").read_text() == "kept"

    def test_a_folder_that_may_not_be_written_to_is_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(*args: object, **keywords: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("tempfile.mkstemp", denied)
        with pytest.raises(ResultError, match="Permission denied") as caught:
            write_atomically(tmp_path / "run.json", b"")
        one_line(caught.value)
        assert list(tmp_path.iterdir()) == []
