"""A stranger's folder has a few text files, and nothing else in any form."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import ResultError
from subliminal_bench.untrusted.submission_folder import (
    MOST_BYTES,
    MOST_FILES,
    folder_digest,
    read_submission_folder,
)
from tests.support.examples import many
from tests.support.plugins_for_tests import one_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as an honest author has it."""
    found = tmp_path / "idea"
    (found / "parts").mkdir(parents=True)
    for name in ("idea.py", "submission.toml", "notes.md", "tuning.csv", "parts/__init__.py"):
        (found / name).write_text("")
    (found / "parts" / "anchor.py").write_text("X = 1\n")
    return found


def refused(folder: Path) -> str:
    with pytest.raises(ResultError) as caught:
        read_submission_folder(folder)
    said = one_line(caught.value)
    assert str(folder) in said
    return said


def test_every_file_is_read_by_its_path_in_the_folder(folder: Path) -> None:
    found = read_submission_folder(folder)
    assert list(found) == sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    assert found["parts/anchor.py"] == b"X = 1\n"


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link to a file": (lambda f: (f / "a.py").symlink_to("idea.py"), "a.py is a link"),
    "a link to a folder": (lambda f: (f / "more").symlink_to("parts"), "'more' is no file"),
    "a link out": (lambda f: (f / "a.md").symlink_to("/etc/passwd"), "a.md is a link"),
    "a link to nothing": (lambda f: (f / "a.md").symlink_to("none"), "a.md is a link"),
    "a pipe": (lambda f: os.mkfifo(f / "a.md"), "it is a pipe"),
    "a hidden file": (lambda f: (f / ".env").write_text(""), "'.env' is no file"),
    "a hidden folder": (lambda f: (f / ".git").mkdir(), "'.git' is no file"),
    "compiled code": (lambda f: (f / "__pycache__").mkdir(), "'__pycache__' is no file"),
    "a library": (lambda f: (f / "a.so").write_bytes(b""), "'a.so' is no file"),
    "weights": (lambda f: (f / "w.npz").write_bytes(b""), "'w.npz' is no file"),
    "a deep folder": (lambda f: (f / "parts" / "more").mkdir(), "too deep"),
    "a large file": (
        lambda f: (f / "notes.md").write_bytes(b"a" * (MOST_BYTES + 1)),
        f"more than {MOST_BYTES} bytes",
    ),
    "a large folder": (
        lambda f: [(f / f"n{i}.md").write_bytes(b"a" * MOST_BYTES) for i in range(5)],
        "bytes in all",
    ),
    "many files": (
        lambda f: [(f / f"n{i}.md").write_bytes(b"") for i in range(MOST_FILES)],
        f"more than {MOST_FILES} files",
    ),
    "very many files": (
        lambda f: [(f / f"n{i}.md").write_bytes(b"") for i in range(1000)],
        f"more than {MOST_FILES} files",
    ),
    "no text": (lambda f: (f / "notes.md").write_bytes(b"\xff\xfe"), "is not UTF-8"),
    "a turned text": (lambda f: (f / "notes.md").write_text("a\n\u202eb"), "line 2"),
    "a letter's other case": (lambda f: (f / "Idea.py").touch(), "the same name"),
    "a name of two lines": (lambda f: (f / "a\nb.md").touch(), "'a\\nb.md' is no file"),
    "other letters": (lambda f: (f / "ideа.py").touch(), "is no file"),
    "a name that is no text": (
        lambda f: Path(os.fsdecode(os.fsencode(f) + b"/\xff.md")).touch(),
        "is no file",
    ),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_anything_else_is_refused(attack: str, folder: Path) -> None:
    make, said = HOSTILE[attack]
    make(folder)
    assert said in refused(folder)


def test_a_folder_that_is_a_link_or_none_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").symlink_to(folder)
    assert "it is a link" in refused(tmp_path / "other")
    refused(tmp_path / "none")
    refused(folder / "idea.py")


def test_a_copy_has_the_same_digest_and_any_change_another(
    folder: Path, tmp_path: Path
) -> None:
    before = folder_digest(read_submission_folder(folder))
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert folder_digest(read_submission_folder(copy)) == before
    (copy / "notes.md").rename(copy / "other.md")
    assert folder_digest(read_submission_folder(copy)) != before


names = st.from_regex(r"[a-z]{1,3}\.py", fullmatch=True)
folders = st.dictionaries(names, st.binary(max_size=3), max_size=3)


@many
@given(folders, folders)
def test_two_folders_share_a_digest_only_if_they_are_the_same(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    assert (folder_digest(one) == folder_digest(other)) == (one == other)
