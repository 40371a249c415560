"""The folders of a store, and the table of the kinds of files in them.

All code that lists, reads or checks a store's files uses `FILE_KINDS`.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor

from subliminal_bench.errors import NoSuchFileError, ResultError
from subliminal_bench.experiment import model
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.results.array_files import (
    read_curves,
    read_weights,
    write_curves,
    write_weights,
)
from subliminal_bench.results.files import make_kept_folder, remove
from subliminal_bench.results.jsonfile import (
    SCHEMA,
    Line,
    SettingValues,
    StrictRecord,
    read_record,
    write_record,
)
from subliminal_bench.results.locks import Locks
from subliminal_bench.results.path_record import PathRecord
from subliminal_bench.results.run import Blindness, Run, RunHeader, SeedResult, Twin
from subliminal_bench.results.study_records import STUDY_FILES
from subliminal_bench.results.weight_change import WeightChangeRecord
from subliminal_bench.training.outcome import Outcome

Record = TypeVar("Record", bound=StrictRecord)

# Training turns a teacher's weights a little: cosines of 0.974 to 0.977 were measured under
# mnist-5k. Those with the weights of another initialisation are about 0.
_LEAST_COSINE = 0.5
_SEED_FILE = re.compile(r"seed-([0-9]{4}|[1-9][0-9]{4,9})\.json")


def store_of(folder: Path) -> Path:
    """The store that a folder of a run or of teachers is in, two levels below it.

    >>> store_of(Path("results/mnist-v1/liminal-3f0c9a1be2")).name
    'results'
    """
    return folder.parent.parent


def read_kept(kind: type[Record], path: Path) -> Record | None:
    """A record of the store; None if there is none.

    Raises:
        ResultError: it cannot be read, or it was changed.
    """
    try:
        return read_record(
            kind, path, digest_required=False, root=store_of(path.parent), owned=True
        )
    except NoSuchFileError:
        return None
    except ResultError as error:
        raise ResultError(f"{error} (delete it and run again)") from None


@dataclass(frozen=True)
class RecordFile(Generic[Record]):
    """A kind of record of which a folder has at most one file.

    Attributes:
        kind: of record.
        name: of its file.
        about: its content.
    """

    kind: type[Record]
    name: str
    about: str

    def read(self, folder: Path) -> Record | None:
        """The record; None if there is none."""
        return read_kept(self.kind, folder / self.name)

    def write(self, folder: Path, record: Record) -> None:
        """Write or replace the record."""
        make_kept_folder(folder, store_of(folder))
        write_record(folder / self.name, record, kept=True)

    def lock(self, folder: Path, locks: Locks) -> None:
        """Lock the file; wait if another process holds the lock."""
        make_kept_folder(folder, store_of(folder))
        locks.acquire(folder, Path(self.name).stem, wait=True)


HEADER = RecordFile(RunHeader, "entry.json", "what ran, under which protocol and environment")
BLINDNESS = RecordFile(Blindness, "blindness.json", "whether it was shown to be blind")


class TwinLink(StrictRecord):
    """Where the results of a run's twin are.

    Attributes:
        settings: of the twin that differ from the run's own.
        folder: its name, beside the run's.
    """

    settings: SettingValues
    folder: Line


TWIN = RecordFile(TwinLink, "twin.json", "which run is its twin")


@dataclass(frozen=True)
class FileKind:
    """A kind of file in a store's folders.

    Attributes:
        pattern: of its files' names.
        about: its content.
        read: reads such a file, or raises `ResultError` if it is damaged.
    """

    pattern: str
    about: str
    read: Callable[[Path], object]


def _kind_of(file: RecordFile[Record]) -> FileKind:
    return FileKind(file.name, file.about, lambda path: file.read(path.parent))


FILE_KINDS: tuple[FileKind, ...] = (
    _kind_of(HEADER),
    _kind_of(BLINDNESS),
    _kind_of(TWIN),
    FileKind("seed-*.json", "a seed's metrics", lambda path: read_kept(SeedResult, path)),
    FileKind(
        "seed-*.npz",
        "a seed's curves",
        lambda path: read_curves(path, store_of(path.parent)),
    ),
    FileKind(
        "seed-*.safetensors",
        "the weights of a seed's student or teacher",
        lambda path: read_weights(path, store_of(path.parent)),
    ),
    FileKind(
        "path-*.json",
        "plain distillation's path of a seed",
        lambda path: read_kept(PathRecord, path),
    ),
    *(
        FileKind(pattern, about, partial(read_kept, kind))
        for kind, pattern, about in STUDY_FILES
    ),
)


@dataclass(frozen=True)
class RunFolder:
    """The finished seeds of one mitigation under one protocol."""

    path: Path
    header: RunHeader

    def finished(self, seeds: Iterable[int] | None = None) -> list[int]:
        """The finished seeds, ascending; only those among `seeds`, if given."""
        if seeds is not None:
            return [seed for seed in sorted(seeds) if self.is_finished(seed)]
        return finished_in(self.path)

    def is_finished(self, seed: int) -> bool:
        """Whether that seed is finished."""
        return self._file(seed, "json").exists()

    def lock(self, seed: int, locks: Locks, wait: bool = False) -> bool:
        """Lock a seed, unless another process holds the lock; see `Locks.acquire`."""
        make_kept_folder(self.path, store_of(self.path))
        return locks.acquire(self.path, _stem(seed), wait)

    def lacking(self, seeds: Iterable[int], *, path: bool) -> list[int]:
        """Those of the seeds that are not finished, or lack what this version measures.

        Args:
            seeds: to look at.
            path: whether each needs plain distillation's path too.
        """
        return [
            seed
            for seed in sorted(seeds)
            if not self.is_finished(seed)
            or not self.result(seed).is_read
            or (path and not self._path_file(seed).exists())
        ]

    def save(self, outcome: Outcome, weights: bool = True) -> None:
        """Write one seed: metrics last, because they mark it as finished.

        Args:
            outcome: the seed's.
            weights: whether its weights are kept.
        """
        self._write_header()
        write_curves(self._file(outcome.seed, "npz"), outcome.curves)
        if weights:
            write_weights(self._file(outcome.seed, "safetensors"), outcome.parameters)
        else:
            # Those of an earlier training, which lacked something.
            remove(self._file(outcome.seed, "safetensors"))
        if outcome.path:
            write_record(self._path_file(outcome.seed), PathRecord.of(outcome.path), kept=True)
        change = outcome.weight_change
        self.save_result(
            SeedResult(
                seed=outcome.seed,
                metrics=dict(outcome.metrics),
                diverged_at=outcome.diverged_at,
                weight_change=WeightChangeRecord.of(change) if change else None,
            )
        )

    def save_result(self, result: SeedResult) -> None:
        """Write or replace one seed's result, without its path, which has its own file."""
        kept = result.model_copy(update={"path": None})
        write_record(self._file(result.seed, "json"), kept, kept=True)

    def weights(self, seed: int) -> Tensor | None:
        """The weights of one seed's student, `[parameters]`; None if they were not kept.

        Raises:
            ResultError: the file is damaged.
        """
        with contextlib.suppress(NoSuchFileError):
            return read_weights(self._file(seed, "safetensors"), store_of(self.path))
        return None

    def with_weights(self) -> list[int]:
        """The finished seeds whose weights were kept, ascending."""
        return [seed for seed in self.finished() if self._file(seed, "safetensors").exists()]

    def weight_files(self) -> list[Path]:
        """The files of all kept weights."""
        return sorted(self.path.glob("seed-*.safetensors"))

    def curves(self, seed: int) -> dict[str, Tensor] | None:
        """One seed's curves, float32 `[steps]` each; None if they were not kept.

        Raises:
            ResultError: the file is damaged.
        """
        with contextlib.suppress(NoSuchFileError):
            return read_curves(self._file(seed, "npz"), store_of(self.path))
        return None

    def mark_used(self) -> None:
        """Mark this as the latest run of its name, even if no seed had to be trained."""
        # A read-only store can still be read.
        with contextlib.suppress(OSError, ResultError):
            self._write_header()
            os.utime(self.path / HEADER.name)

    @property
    def last_used(self) -> float:
        """The time of the last `mark_used`, in seconds since the epoch."""
        return (self.path / HEADER.name).stat().st_mtime

    def _write_header(self) -> None:
        if not (self.path / HEADER.name).exists():
            with Locks() as locks:
                HEADER.lock(self.path, locks)
                HEADER.write(self.path, self.header)

    def run(self, seeds: Iterable[int] | None = None) -> Run:
        """The finished seeds (only those among `seeds`, if given) as one run."""
        found = []
        for seed in self.finished(seeds):
            result = self.result(seed)
            path = read_kept(PathRecord, self._path_file(seed))
            found.append(result.model_copy(update={"path": path}) if path else result)
        if not found:
            raise ResultError(f"{self.path} contains no finished seed")
        facts = dict(self.header) | {"schema_version": SCHEMA}
        return Run(
            **facts,
            seeds=found,
            blindness=BLINDNESS.read(self.path),
            twin=self._twin([one.seed for one in found]),
        )

    def _twin(self, seeds: Sequence[int]) -> Twin | None:
        """The twin's results; None if there is none, or it lacks one of these seeds."""
        link = TWIN.read(self.path)
        if link is None:
            return None
        folder = self.path.parent / Path(link.folder).name
        header = HEADER.read(folder)
        twin = RunFolder(folder, header) if header else None
        if twin is None or len(twin.finished(seeds)) < len(seeds):
            return None
        return Twin(settings=link.settings, seeds=[twin.result(seed) for seed in seeds])

    def result(self, seed: int) -> SeedResult:
        """One finished seed's metrics.

        Raises:
            ResultError: the file is damaged, missing, or another seed's.
        """
        path = self._file(seed, "json")
        result = read_kept(SeedResult, path)
        if result is None:
            raise ResultError(f"{path} has just been deleted: run again")
        if result.seed != seed:
            raise ResultError(f"{path} has seed {result.seed}: delete it and run again")
        return result

    def files(self, seed: int) -> tuple[Path, ...]:
        """A seed's files: its metrics, curves, weights and path."""
        endings = ("json", "npz", "safetensors")
        return *(self._file(seed, ending) for ending in endings), self._path_file(seed)

    def _path_file(self, seed: int) -> Path:
        return self.path / f"path-{seed:04d}.json"

    def _file(self, seed: int, ending: str) -> Path:
        return self.path / f"{_stem(seed)}.{ending}"


def check_teacher(protocol: Protocol, seed: int, parameters: Tensor) -> str | None:
    """What is wrong with a teacher `[parameters]`; None if it can be this seed's."""
    first = model.initial_parameters(protocol, (seed,), parameters.device)[0]
    cosine = torch.nn.functional.cosine_similarity(parameters, first, dim=0)
    if cosine > _LEAST_COSINE:
        return None
    return "this teacher was not trained from its seed's initial weights"


@dataclass(frozen=True)
class TeacherFolder:
    """Trained teachers, one file per seed, shared by all mitigations."""

    path: Path
    protocol: Protocol

    def lock(self, seed: int, locks: Locks, wait: bool = True) -> bool:
        """Lock a teacher; see `Locks.acquire`."""
        make_kept_folder(self.path, store_of(self.path))
        return locks.acquire(self.path, _stem(seed), wait)

    def load(self, seed: int) -> Tensor | None:
        """The parameters `[parameters]` of a kept teacher; None if there is none."""
        # A teacher costs seconds: an unusable or impossible one is trained again and replaced.
        try:
            parameters = read_weights(self._file(seed), store_of(self.path))
        except ResultError:
            return None
        shape = (model.layout(self.protocol).parameters,)
        right = parameters.shape == shape and parameters.dtype == self.protocol.dtype
        possible = right and check_teacher(self.protocol, seed, parameters) is None
        return parameters if possible else None

    def save(self, seed: int, parameters: Tensor) -> None:
        """Keep a teacher's parameters `[parameters]`."""
        make_kept_folder(self.path, store_of(self.path))
        write_weights(self._file(seed), parameters)

    def _file(self, seed: int) -> Path:
        return self.path / f"{_stem(seed)}.safetensors"


def finished_in(folder: Path) -> list[int]:
    """The seeds that have metrics in a folder, ascending."""
    found = map(_SEED_FILE.fullmatch, (path.name for path in folder.glob("seed-*.json")))
    return sorted(int(match[1]) for match in found if match)


def _stem(seed: int) -> str:
    return f"seed-{seed:04d}"
