"""A site's folder: nothing foreign is touched, and what differs is named."""

from pathlib import Path

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.reports.site.written import stale_pages, write_site

FRONT = b'<meta name="generator" content="subliminal-bench site">'
PAGES = {"index.html": FRONT, "entries/idea.html": b"idea"}


def test_a_written_site_is_fresh_until_a_page_changes_is_missing_or_too_many(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "site"
    assert stale_pages(folder, PAGES) == sorted(PAGES)
    write_site(folder, PAGES)
    assert stale_pages(folder, PAGES) == []
    (folder / "entries" / "idea.html").write_bytes(b"ideA")
    assert stale_pages(folder, PAGES) == ["entries/idea.html"]
    (folder / "entries" / "idea.html").unlink()
    (folder / "entries" / "old.html").write_bytes(b"")
    assert stale_pages(folder, PAGES) == ["entries/idea.html", "entries/old.html"]


def test_pages_that_are_no_longer_there_are_deleted_and_other_files_are_kept(
    tmp_path: Path,
) -> None:
    write_site(tmp_path, {**PAGES, "entries/old.html": b"old"})
    (tmp_path / "CNAME").write_text("example.com")
    write_site(tmp_path, PAGES)
    assert not (tmp_path / "entries" / "old.html").exists()
    assert (tmp_path / "CNAME").read_text() == "example.com"


@pytest.mark.parametrize("name", ["index.html", "notes.txt"])
def test_a_folder_with_anything_else_is_refused_untouched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ResultError, match="holds something else than a site"):
        write_site(tmp_path, PAGES)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"
