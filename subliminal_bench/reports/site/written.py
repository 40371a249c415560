"""Writing a site into a folder, and comparing the folder with it."""

from collections.abc import Mapping
from pathlib import Path

from subliminal_bench.errors import ResultError
from subliminal_bench.results.files import remove, write_atomically
from subliminal_bench.untrusted.regular_file import read_bytes

_FRONT = "index.html"
_MARK = b'<meta name="generator" content="subliminal-bench site">'


def write_site(folder: Path, pages: Mapping[str, bytes]) -> None:
    """Write every page, and delete the pages of an earlier site that are no longer there.

    Args:
        folder: new, empty, or with a site of this program.
        pages: their bytes, by their path in the folder.

    Raises:
        ResultError: something else is in the folder, or it cannot be written to.
    """
    if folder.is_dir() and any(folder.iterdir()) and not _has_site(folder):
        raise ResultError(
            f"{folder} holds something else than a site: name a new folder, or empty this one"
        )
    surplus = _pages_in(folder) - pages.keys()
    for name, content in pages.items():
        write_atomically(folder / name, content)
    for name in sorted(surplus):
        remove(folder / name)


def stale_pages(folder: Path, pages: Mapping[str, bytes]) -> list[str]:
    """What differs between a folder and a site: the paths of pages, in order.

    Args:
        folder: to compare.
        pages: as they would be written.
    """
    return sorted(
        [name for name, content in pages.items() if _content(folder, name, content) != content]
        + sorted(_pages_in(folder) - pages.keys())
    )


def _content(folder: Path, name: str, wanted: bytes) -> bytes | None:
    try:
        return read_bytes(folder / name, len(wanted), folder)
    except ResultError:
        # Whatever else stands there, it is not that page.
        return None


def _has_site(folder: Path) -> bool:
    try:
        return _MARK in read_bytes(folder / _FRONT, 2**26, folder)
    except ResultError:
        return False


def _pages_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}
