"""The store: every finished seed on disk at once, and never run twice.

    STORE/mnist-v1/liminal-3f0c9a1be2/entry.json        what ran, under what
                                      seed-0001.json    its metrics
                                      seed-0001.npz     its curves
                                      blindness.json    was it shown to be blind?
                                      looks.json        does it stop early?
    STORE/mnist-v1/teachers-8a1f20c7d4/seed-0001.safetensors

`.locks` in each folder holds empty files: claims, see there.

A folder's key is a hash over everything that decides its numbers: protocol, mitigation source
and settings, engine version, device kind and torch version, and whether the mitigation had a
process of its own. A changed mitigation therefore never meets its old results.
"""

import contextlib
import hashlib
import io
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import safetensors
import safetensors.torch
from pydantic import BaseModel
from torch import Tensor

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment import model
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.array_files import curves_in, teacher_in, tensor_digest
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.files import write_atomically
from subliminal_bench.results.jsonfile import SCHEMA, read_record, write_record
from subliminal_bench.results.locks import Locks
from subliminal_bench.results.run import (
    Blindness,
    InterimLooks,
    Isolation,
    MitigationRecord,
    ProtocolRecord,
    Run,
    RunHeader,
    SeedResult,
)
from subliminal_bench.training.measurement import Outcome

_Record = TypeVar("_Record", bound=BaseModel)

_SEED_FILE = re.compile(r"seed-([0-9]{4}|[1-9][0-9]{4,9})\.json")

STORE_VARIABLE = "SUBLIMINAL_BENCH_STORE"
DEFAULT_STORE = Path("subliminal-results")


def store_folder(named: Path | None, beside: Path = Path()) -> Path:
    """The store's folder: the one named, else the environment's, else one in `beside`."""
    return named or Path(os.environ.get(STORE_VARIABLE) or beside / DEFAULT_STORE)


@dataclass(frozen=True)
class RunFolder:
    """The finished seeds of one mitigation under one protocol."""

    path: Path
    header: RunHeader

    def finished(self, seeds: Iterable[int] | None = None) -> list[int]:
        """Seeds that are done, ascending; of `seeds` only, where given."""
        if seeds is not None:
            return [seed for seed in sorted(seeds) if self.is_finished(seed)]
        return finished_in(self.path)

    def is_finished(self, seed: int) -> bool:
        """Whether that seed is done."""
        return (self.path / _seed_name(seed, "json")).exists()

    def claim(self, seed: int, claims: Locks) -> bool:
        """Claim a seed, unless another process has it; see `Claims.take`."""
        return claims.take(self.path, _seed_stem(seed))

    def save(self, outcome: Outcome) -> None:
        """Write one seed: curves first, metrics last, so that the metrics mark it done."""
        self._write_header()
        buffer = io.BytesIO()
        curves = {name: curve.numpy() for name, curve in outcome.curves.items()}
        np.savez_compressed(buffer, **curves)  # type: ignore[arg-type]
        write_atomically(self.path / _seed_name(outcome.seed, "npz"), buffer.getvalue())
        write_record(
            self.path / _seed_name(outcome.seed, "json"),
            SeedResult(
                seed=outcome.seed, metrics=outcome.metrics, diverged_at=outcome.diverged_at
            ),
        )

    def claim_blindness(self, claims: Locks) -> None:
        """Claim the proof of blindness, once no other process has it."""
        claims.take(self.path, self._blindness.stem, wait=True)

    def save_blindness(self, blindness: Blindness) -> None:
        """Write down whether the mitigation was shown to be blind."""
        write_record(self._blindness, blindness)

    @property
    def blindness(self) -> Blindness | None:
        """What was written down of it."""
        return read_kept(Blindness, self._blindness)

    @property
    def _blindness(self) -> Path:
        return self.path / "blindness.json"

    @property
    def _entry(self) -> Path:
        return self.path / "entry.json"

    def save_looks(self, looks: InterimLooks) -> None:
        """Write down that the seeds are looked at while they are run."""
        write_record(self._looks, looks)

    @property
    def looks(self) -> InterimLooks | None:
        """What was written down of it."""
        return read_kept(InterimLooks, self._looks)

    @property
    def _looks(self) -> Path:
        return self.path / "looks.json"

    def mark_used(self) -> None:
        """Make this the latest run of its name, also where all its seeds were there before."""
        # A store that cannot be written to can still be read.
        with contextlib.suppress(OSError, ResultError):
            self._write_header()
            os.utime(self._entry)

    def _write_header(self) -> None:
        if not self._entry.exists():
            with Locks() as claims:
                claims.take(self.path, self._entry.stem, wait=True)
                write_record(self._entry, self.header)

    def looked_at(self) -> Run:
        """The run as its owner asked for it: with its looks, up to the last one reached."""
        looks = self.looks
        if looks is None:
            return self.run()
        planned = range(1, looks.planned_seeds + 1)
        reached = 0
        for seeds in looks.seeds:
            if len(self.finished(planned[:seeds])) == seeds:
                reached = seeds
        return self.run(planned[:reached]).looking(looks)

    def run(self, seeds: Iterable[int] | None = None) -> Run:
        """The finished seeds (of `seeds` only, where given) as one run."""
        found = []
        for seed in self.finished(seeds):
            path = self.path / _seed_name(seed, "json")
            result = read_kept(SeedResult, path)
            if result is None:
                raise ResultError(f"{path} has just been deleted: run again")
            if result.seed != seed:
                raise ResultError(f"{path} is of seed {result.seed}: delete it and run again")
            found.append(result)
        if not found:
            raise ResultError(f"{self.path} holds no finished seed")
        return Run(**dict(self.header), seeds=found, blindness=self.blindness)


class Store:
    """A folder of results.

    Args:
        root: the folder; made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def entry(
        self, protocol: Protocol, mitigation: Mitigation, environment: Environment
    ) -> RunFolder:
        """The folder of a mitigation as it is now; it need not exist yet."""
        header = RunHeader(
            schema_version=SCHEMA,
            protocol=ProtocolRecord.of(protocol),
            mitigation=MitigationRecord.of(mitigation),
            environment=environment,
            isolation=Isolation(network=mitigation.network) if mitigation.network else None,
        )
        key = _key(
            protocol.fingerprint,
            mitigation.source_sha256,
            mitigation.settings,
            *_numerics(environment),
            # Only where there is one, so that it moved no folder when it came to be.
            *filter(None, [mitigation.attribute]),
            *filter(None, [header.isolation and header.isolation.text]),
        )
        path = self.root / protocol.label / f"{mitigation.name}-{key}"
        return RunFolder(path, read_kept(RunHeader, path / "entry.json") or header)

    def find(self, name: str, protocol_name: str | None) -> list[RunFolder]:
        """Folders of that mitigation name, or of that full folder name; the latest first."""
        found = []
        for path in self.root.glob("*-v*/*/entry.json"):
            folder = path.parent
            try:
                header = read_kept(RunHeader, path)
            except ResultError:
                # A run of that very entry says what is wrong; it must not hide the others.
                continue
            names = (header.mitigation.name, folder.name) if header else ()
            if header and name in names and protocol_name in (None, header.protocol.name):
                entry = RunFolder(folder, header)
                if entry.finished():
                    found.append(entry)
        return sorted(found, key=lambda entry: _used(entry.path), reverse=True)

    def curves(self, run: Run) -> dict[int, dict[str, Tensor]]:
        """Curves of a run's seeds, of those whose very numbers are kept here.

        A run that was read from a file, or committed, knows of no folder. Every metric the
        same to the last bit means that the seed is the same one.

        Returns:
            For each seed found, what `curves` gives.

        Raises:
            ResultError: a file of curves is damaged.
        """
        wanted = {result.seed: result for result in run.seeds}
        found: dict[int, dict[str, Tensor]] = {}
        for folder in self.find(run.mitigation.name, run.protocol.name):
            if folder.header.protocol != run.protocol:
                continue
            for seed in folder.finished(wanted.keys() - found.keys()):
                kept = folder.run([seed]).seeds[0]
                if kept == wanted[seed] and (folder.path / _seed_name(seed, "npz")).exists():
                    found[seed] = seed_curves(folder, seed)
        return found

    def teachers(self, protocol: Protocol, environment: Environment) -> "TeacherFolder":
        """The trained teachers of a protocol."""
        key = _key(protocol.fingerprint, *_numerics(environment))
        return TeacherFolder(self.root / protocol.label / f"teachers-{key}", protocol)


@dataclass(frozen=True)
class TeacherFolder:
    """Trained teachers, one file a seed, shared by all mitigations."""

    path: Path
    protocol: Protocol

    def claim(self, seed: int, claims: Locks, wait: bool = True) -> bool:
        """Claim a teacher, once no other process has it; see `Claims.take`."""
        return claims.take(self.path, _seed_stem(seed), wait)

    def load(self, seed: int) -> Tensor | None:
        """Parameters `[parameters]` of a teacher trained before; None where there is none."""
        path = self.path / _seed_name(seed, "safetensors")
        if not path.exists():
            return None
        # A teacher costs seconds: an unusable one is trained again and replaced.
        try:
            parameters = teacher_in(path)
        except ResultError:
            return None
        shape = (model.layout(self.protocol).parameters,)
        right = parameters.shape == shape and parameters.dtype == self.protocol.dtype
        return parameters if right else None

    def save(self, seed: int, parameters: Tensor) -> None:
        """Keep a teacher's parameters `[parameters]`."""
        kept = parameters.cpu().contiguous()
        content = safetensors.torch.save({"parameters": kept}, {"sha256": tensor_digest(kept)})
        write_atomically(self.path / _seed_name(seed, "safetensors"), content)


def seed_curves(folder: RunFolder, seed: int) -> dict[str, Tensor]:
    """One seed's curves, float32 `[steps]` each."""
    return curves_in(folder.path / _seed_name(seed, "npz"))


def finished_in(folder: Path) -> list[int]:
    """The seeds that have metrics in a folder, ascending."""
    found = map(_SEED_FILE.fullmatch, (path.name for path in folder.glob("seed-*.json")))
    return sorted(int(match[1]) for match in found if match)


def read_kept(kind: type[_Record], path: Path) -> _Record | None:
    """A record of the store; None where there is none.

    Raises:
        ResultError: it cannot be read, or was changed.
    """
    if not path.exists():
        return None
    try:
        return read_record(kind, path, digest_required=False)
    except ResultError as error:
        raise ResultError(f"{error} (delete it and run again)") from None


def _seed_stem(seed: int) -> str:
    return f"seed-{seed:04d}"


def _seed_name(seed: int, kind: str) -> str:
    return f"{_seed_stem(seed)}.{kind}"


def _numerics(environment: Environment) -> tuple[object, ...]:
    """What decides a number besides protocol and mitigation."""
    return environment.engine, environment.device, environment.torch


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]


def _used(folder: Path) -> float:
    return (folder / "entry.json").stat().st_mtime
