"""What lies in a store: finished seeds, and files that cannot be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from subliminal_bench import store
from subliminal_bench.errors import ResultError
from subliminal_bench.results import Blindness, EntryHeader, SeedResult


@dataclass(frozen=True)
class Survey:
    """A store, looked through.

    Attributes:
        finished: each entry's folder and the seeds that are done in it.
        unreadable: one line on each file that cannot be read or was changed.
    """

    finished: dict[Path, list[int]]
    unreadable: list[str]


def look_through(root: Path) -> Survey:
    """Read every file of a store.

    Raises:
        OSError: a folder cannot be listed.
    """
    finished: dict[Path, list[int]] = {}
    unreadable: list[str] = []
    for folder in sorted(path for path in root.glob("*-v*/*") if path.is_dir()):
        seeds = store.finished_in(folder)
        if seeds or (folder / "entry.json").exists():
            finished[folder] = seeds
        unreadable += _unreadable(folder)
    return Survey(finished, unreadable)


def _unreadable(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("[!.]*")):
        try:
            if path.name == "entry.json":
                store.read_kept(EntryHeader, path)
            elif path.name == "blindness.json":
                store.read_kept(Blindness, path)
            elif path.match("seed-*.json"):
                store.read_kept(SeedResult, path)
            elif path.match("seed-*.npz"):
                store.curves_in(path)
            elif path.match("seed-*.safetensors"):
                store.teacher_in(path)
        except ResultError as error:
            yield str(error)
