"""The store: each finished seed is written at once and never run twice.

    STORE/mnist-v1/liminal-3f0c9a1be2/entry.json        mitigation, protocol and environment
                                      seed-0001.json    the seed's metrics
                                      seed-0001.npz     the seed's curves
                                      seed-0001.safetensors  its student's weights
                                      path-0001.json    plain distillation's path
                                      blindness.json    whether it was shown to be blind
                                      twin.json         which folder has its twin
    STORE/mnist-v1/teachers-8a1f20c7d4/seed-0001.safetensors
    STORE/mnist-v1/study-my-idea-51c09ab7e3/                 see `study_records`

`.locks` in each folder holds empty files: see `locks`. `folders.FILE_KINDS` lists all kinds.

A folder's key is a hash over everything that decides its numbers: protocol, mitigation source
and settings, engine version, device kind, torch version, the processor's arithmetic, and
whether the mitigation was isolated. A changed mitigation therefore never gets its old results.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.home import expanded
from subliminal_bench.experiment.linear import arithmetic
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.folders import (
    FILE_KINDS,
    HEADER,
    RunFolder,
    TeacherFolder,
    finished_in,
)
from subliminal_bench.results.jsonfile import SCHEMA
from subliminal_bench.results.run import (
    Isolation,
    MitigationRecord,
    ProtocolRecord,
    Run,
    RunHeader,
)

STORE_VARIABLE = "SUBLIMINAL_BENCH_STORE"
DEFAULT_STORE = Path("subliminal-results")


def store_folder(named: Path | None, beside: Path = Path()) -> Path:
    """The store's folder: the named one, else the environment variable's, else in `beside`.

    Raises:
        BenchmarkError: it is named from a home folder that does not exist.
    """
    return expanded(named or Path(os.environ.get(STORE_VARIABLE) or beside / DEFAULT_STORE))


class Store:
    """A folder of results.

    Args:
        root: the folder; created by the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def run_folder(
        self, protocol: Protocol, mitigation: Mitigation, environment: Environment
    ) -> RunFolder:
        """The folder of the mitigation's current version; it need not exist yet."""
        header = RunHeader(
            schema_version=SCHEMA,
            protocol=ProtocolRecord.of(protocol),
            mitigation=MitigationRecord.of(mitigation),
            environment=environment,
            isolation=Isolation.of(mitigation.isolation) if mitigation.isolation else None,
        )
        path = self._run_path(protocol, header, environment.arithmetic, mitigation.once)
        kept = HEADER.read(path)
        if kept is None:
            # A folder from before arithmetic was recorded is reused on the same processor.
            older = self._run_path(protocol, header, None, mitigation.once)
            known = HEADER.read(older)
            if known and known.environment.device_name == environment.device_name:
                path, kept = older, known
        return RunFolder(path, kept or header)

    def _run_path(
        self, protocol: Protocol, header: RunHeader, arithmetic: str | None, once: str
    ) -> Path:
        mitigation = header.mitigation
        key = _key(
            protocol.fingerprint,
            mitigation.source_sha256,
            mitigation.settings,
            *_numerics(header.environment),
            # Only if they are set, so that the keys of older folders stay valid.
            *filter(None, [mitigation.attribute]),
            *filter(None, [header.isolation and header.isolation.key]),
            *filter(None, [arithmetic]),
            *filter(None, [once]),
        )
        return self.root / protocol.label / f"{mitigation.name}-{key}"

    def find(self, name: str, protocol_name: str | None) -> list[RunFolder]:
        """The folders with that mitigation name or full folder name, the latest first."""
        found = [
            entry
            for entry in self.entries()
            if name in (entry.header.mitigation.name, entry.path.name)
            and protocol_name in (None, entry.header.protocol.name)
            and entry.finished()
        ]
        return sorted(found, key=lambda entry: entry.last_used, reverse=True)

    def entries(self) -> list[RunFolder]:
        """The folders of all runs, by path; one whose header is damaged is left out."""
        found = []
        for path in sorted(self.root.glob(f"*-v*/*/{HEADER.name}")):
            # Running that entry reports the error; here it must not hide the others.
            with suppress(ResultError):
                header = HEADER.read(path.parent)
                if header:
                    found.append(RunFolder(path.parent, header))
        return found

    def curves(self, run: Run) -> dict[int, dict[str, Tensor]]:
        """The curves of a run's seeds, if this store has the same numbers.

        A run that was read from a file, or committed, has no folder. If all metrics of a seed
        are bit-identical, it is the same seed.

        Returns:
            For each seed found, its curves, float32 `[steps]` each.

        Raises:
            ResultError: a file of curves is damaged.
        """
        wanted = {result.seed: result for result in run.seeds}
        found: dict[int, dict[str, Tensor]] = {}
        for folder in self.find(run.mitigation.name, run.protocol.name):
            if folder.header.protocol != run.protocol:
                continue
            for seed in folder.finished(wanted.keys() - found.keys()):
                kept, other = folder.result(seed), wanted[seed]
                if (kept.metrics, kept.diverged_at) == (other.metrics, other.diverged_at):
                    curves = folder.curves(seed)
                    if curves is not None:
                        found[seed] = curves
        return found

    def teachers(self, protocol: Protocol, environment: Environment) -> TeacherFolder:
        """The trained teachers of a protocol."""
        key = _key(
            protocol.fingerprint,
            *_numerics(environment),
            *filter(None, [environment.arithmetic]),
        )
        return TeacherFolder(self.root / protocol.label / f"teachers-{key}", protocol)

    def teacher_of(self, folder: RunFolder, protocol: Protocol, seed: int) -> Tensor | None:
        """The teacher `[parameters]` that a run's student learned from; None if it is gone.

        Args:
            folder: of the run.
            protocol: the run's.
            seed: the student's.
        """
        recorded = folder.header.environment
        possible = [recorded]
        if recorded.arithmetic is None and recorded.device == "cpu":
            # A folder of version 0.1, which a later version has continued on this processor.
            here = arithmetic(torch.device("cpu"))
            possible.append(recorded.model_copy(update={"arithmetic": here}))
        kept = (self.teachers(protocol, one).load(seed) for one in possible)
        return next((teacher for teacher in kept if teacher is not None), None)

    def contents(self) -> "StoreContents":
        """Read every file of the store.

        Raises:
            OSError: a folder cannot be listed.
        """
        finished: dict[Path, list[int]] = {}
        unreadable: list[str] = []
        for folder in sorted(path for path in self.root.glob("*-v*/*") if path.is_dir()):
            seeds = finished_in(folder)
            if seeds or (folder / HEADER.name).exists():
                finished[folder] = seeds
            for path in sorted(folder.glob("[!.]*")):
                try:
                    for kind in FILE_KINDS:
                        if path.match(kind.pattern):
                            kind.read(path)
                except ResultError as error:
                    unreadable.append(str(error))
        return StoreContents(finished, unreadable)


@dataclass(frozen=True)
class StoreContents:
    """What a store holds.

    Attributes:
        finished: each run's folder and the finished seeds in it.
        unreadable: one line for each file that cannot be read or was changed.
    """

    finished: dict[Path, list[int]]
    unreadable: list[str]


def _numerics(environment: Environment) -> tuple[object, ...]:
    """Everything that decides a number besides protocol, mitigation and arithmetic."""
    return environment.engine, environment.device, environment.torch


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]
