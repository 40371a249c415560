"""What lies in a store: finished seeds, and files that cannot be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from subliminal_bench.errors import ResultError
from subliminal_bench.results.array_files import curves_in, teacher_in
from subliminal_bench.results.run import Blindness, RunHeader, SeedResult
from subliminal_bench.results.store import finished_in, read_kept


@dataclass(frozen=True)
class StoreContents:
    """A store, looked through.

    Attributes:
        finished: each entry's folder and the seeds that are done in it.
        unreadable: one line on each file that cannot be read or was changed.
    """

    finished: dict[Path, list[int]]
    unreadable: list[str]


def store_contents(root: Path) -> StoreContents:
    """Read every file of a store.

    Raises:
        OSError: a folder cannot be listed.
    """
    finished: dict[Path, list[int]] = {}
    unreadable: list[str] = []
    for folder in sorted(path for path in root.glob("*-v*/*") if path.is_dir()):
        seeds = finished_in(folder)
        if seeds or (folder / "entry.json").exists():
            finished[folder] = seeds
        unreadable += _unreadable(folder)
    return StoreContents(finished, unreadable)


def _unreadable(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("[!.]*")):
        try:
            if path.name == "entry.json":
                read_kept(RunHeader, path)
            elif path.name == "blindness.json":
                read_kept(Blindness, path)
            elif path.match("seed-*.json"):
                read_kept(SeedResult, path)
            elif path.match("seed-*.npz"):
                curves_in(path)
            elif path.match("seed-*.safetensors"):
                teacher_in(path)
        except ResultError as error:
            yield str(error)
