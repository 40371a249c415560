"""The store: every finished seed on disk at once, and never run twice.

    STORE/mnist-v1/liminal-3f0c9a1be2/entry.json        what ran, under what
                                      seed-0001.json    its metrics
                                      seed-0001.npz     its curves
                                      blindness.json    was it shown to be blind?
    STORE/mnist-v1/teachers-8a1f20c7d4/seed-0001.safetensors

A folder's key is a hash over everything that decides its numbers: protocol, mitigation source
and settings, engine version, device kind and torch version, and whether the mitigation had a
process of its own. A changed mitigation therefore
never meets its old results.
"""

import contextlib
import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from subliminal_bench import results
from subliminal_bench.errors import ResultError
from subliminal_bench.measures import Outcome
from subliminal_bench.mitigations import Mitigation
from subliminal_bench.protocol import Protocol
from subliminal_bench.results import (
    Blindness,
    EntryHeader,
    Environment,
    Isolation,
    MitigationRecord,
    ProtocolRecord,
    Run,
    SeedResult,
)

# Raised whenever the same seed may come out differently than before.
ENGINE = 2

STORE_VARIABLE = "SUBLIMINAL_BENCH_STORE"
DEFAULT_STORE = Path("subliminal-results")


def chosen_folder(named: Path | None, beside: Path = Path()) -> Path:
    """The store's folder: the one named, else the environment's, else one in `beside`."""
    return named or Path(os.environ.get(STORE_VARIABLE) or beside / DEFAULT_STORE)


@dataclass(frozen=True)
class EntryFolder:
    """The finished seeds of one mitigation under one protocol."""

    path: Path
    header: EntryHeader

    def finished(self, seeds: Iterable[int] | None = None) -> list[int]:
        """Seeds that are done, ascending; of `seeds` only, where given."""
        names = {path.name for path in self.path.glob("seed-*.json")}
        if seeds is None:
            return sorted(int(name[5:-5]) for name in names if name[5:-5].isdigit())
        return [seed for seed in sorted(seeds) if _seed_name(seed, "json") in names]

    def save(self, outcome: Outcome) -> None:
        """Write one seed: curves first, metrics last, so that the metrics mark it done."""
        if not (self.path / "entry.json").exists():
            results.write_json(self.path / "entry.json", self.header)
        buffer = io.BytesIO()
        curves = {name: curve.numpy() for name, curve in outcome.curves.items()}
        np.savez_compressed(buffer, **curves)  # type: ignore[arg-type]
        results.write_atomically(self.path / _seed_name(outcome.seed, "npz"), buffer.getvalue())
        results.write_json(
            self.path / _seed_name(outcome.seed, "json"),
            SeedResult(
                seed=outcome.seed, metrics=outcome.metrics, diverged_at=outcome.diverged_at
            ),
        )

    def save_blindness(self, blindness: Blindness) -> None:
        """Write down whether the mitigation was shown to be blind."""
        results.write_json(self._blindness, blindness)

    @property
    def blindness(self) -> Blindness | None:
        """What was written down of it."""
        path = self._blindness
        return (
            results.validated(Blindness, results.read_json(path), path)
            if path.exists()
            else None
        )

    @property
    def _blindness(self) -> Path:
        return self.path / "blindness.json"

    def mark_used(self) -> None:
        """Make this the latest run of its name, also where all its seeds were there before."""
        # A store that cannot be written to can still be read.
        with contextlib.suppress(OSError):
            (self.path / "entry.json").touch()

    def run(self, seeds: Iterable[int] | None = None) -> Run:
        """The finished seeds (of `seeds` only, where given) as one run."""
        found = []
        for seed in self.finished(seeds):
            path = self.path / _seed_name(seed, "json")
            try:
                result = results.validated(SeedResult, results.read_json(path), path)
            except ResultError as error:
                raise ResultError(f"{error} (delete it and run again)") from None
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
    ) -> EntryFolder:
        """The folder of a mitigation as it is now; it need not exist yet."""
        header = EntryHeader(
            schema_version=results.SCHEMA,
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
        return EntryFolder(path, _header(path / "entry.json") or header)

    def find(self, name: str, protocol_name: str | None) -> list[EntryFolder]:
        """Folders of that mitigation name, or of that full folder name; the latest first."""
        found = []
        for path in self.root.glob("*-v*/*/entry.json"):
            folder = path.parent
            try:
                header = _header(path)
            except ResultError:
                # A run of that very entry says what is wrong; it must not hide the others.
                continue
            names = (header.mitigation.name, folder.name) if header else ()
            if header and name in names and protocol_name in (None, header.protocol.name):
                entry = EntryFolder(folder, header)
                if entry.finished():
                    found.append(entry)
        return sorted(found, key=lambda entry: _used(entry.path), reverse=True)

    def teachers(self, protocol: Protocol, environment: Environment) -> "TeacherFolder":
        """The trained teachers of a protocol."""
        key = _key(protocol.fingerprint, *_numerics(environment))
        return TeacherFolder(self.root / protocol.label / f"teachers-{key}")


@dataclass(frozen=True)
class TeacherFolder:
    """Trained teachers, one file a seed, shared by all mitigations."""

    path: Path

    def load(self, seed: int) -> Tensor | None:
        """Parameters `[parameters]` of a teacher trained before; None where there is none."""
        path = self.path / _seed_name(seed, "safetensors")
        if not path.exists():
            return None
        try:
            return safetensors.torch.load_file(path)["parameters"]
        except (OSError, KeyError, safetensors.SafetensorError):
            # A teacher costs seconds: an unreadable one is trained again and replaced.
            return None

    def save(self, seed: int, parameters: Tensor) -> None:
        """Keep a teacher's parameters `[parameters]`."""
        content = safetensors.torch.save({"parameters": parameters.cpu().contiguous()})
        results.write_atomically(self.path / _seed_name(seed, "safetensors"), content)


def curves(folder: EntryFolder, seed: int) -> dict[str, Tensor]:
    """One seed's curves, float32 `[steps]` each."""
    path = folder.path / _seed_name(seed, "npz")
    try:
        with np.load(path) as archive:
            return {name: torch.from_numpy(archive[name]) for name in archive.files}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ResultError(
            f"cannot read {path} ({type(error).__name__}): delete the seed's files, run again"
        ) from None


def _header(path: Path) -> EntryHeader | None:
    if not path.exists():
        return None
    return results.validated(EntryHeader, results.read_json(path), path)


def _seed_name(seed: int, kind: str) -> str:
    return f"seed-{seed:04d}.{kind}"


def _numerics(environment: Environment) -> tuple[object, ...]:
    """What decides a number besides protocol and mitigation."""
    return environment.engine, environment.device, environment.torch


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]


def _used(folder: Path) -> float:
    return (folder / "entry.json").stat().st_mtime
