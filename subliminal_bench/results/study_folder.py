"""The folder of a study in a store: records that several processes add to."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from subliminal_bench.errors import ResultError
from subliminal_bench.results.files import make_kept_folder
from subliminal_bench.results.folders import read_kept, store_of
from subliminal_bench.results.jsonfile import StrictRecord, write_record
from subliminal_bench.results.locks import Locks
from subliminal_bench.results.store import Store
from subliminal_bench.results.study_records import (
    CheckRecord,
    OutcomeRecord,
    StudyRecord,
    TrialRecord,
)

_FILE = "study.json"
_PREFIX = "study-"

_Record = TypeVar("_Record", bound=StrictRecord)


@dataclass(frozen=True)
class StudyFolder:
    """What a study has written down.

    Attributes:
        path: of the folder, beside those of the study's runs.
        record: what the study looks for.
    """

    path: Path
    record: StudyRecord

    @classmethod
    def opened(cls, path: Path, record: StudyRecord) -> "StudyFolder":
        """A study's folder, which is created if it is not there."""
        known = read_kept(StudyRecord, path / _FILE)
        if known is None:
            make_kept_folder(path, store_of(path))
            with Locks() as locks:
                locks.acquire(path, "study", wait=True)
                write_record(path / _FILE, record, kept=True)
        return cls(path, known or record)

    def trials(self) -> list[TrialRecord]:
        """The settings that were or are being tried, in order."""
        return self._every(TrialRecord, "trial")

    def outcomes(self) -> dict[int, OutcomeRecord]:
        """What became of the trials that have ended, by their numbers."""
        return {one.number: one for one in self._every(OutcomeRecord, "outcome")}

    def checks(self) -> list[CheckRecord]:
        """Which trials were checked on other seeds."""
        return self._every(CheckRecord, "check")

    def add(self, record: TrialRecord | OutcomeRecord | CheckRecord) -> None:
        """Write a record down; whoever does it holds the lock of the study or the trial."""
        kinds = {TrialRecord: "trial", OutcomeRecord: "outcome", CheckRecord: "check"}
        name = f"{kinds[type(record)]}-{record.number:04d}.json"
        write_record(self.path / name, record, kept=True)

    def lock(self, locks: Locks) -> None:
        """Let no other process propose settings meanwhile."""
        locks.acquire(self.path, "study", wait=True)

    def lock_trial(self, number: int, locks: Locks) -> bool:
        """Claim a trial, unless another process runs it."""
        return locks.acquire(self.path, f"trial-{number:04d}")

    def _every(self, kind: type[_Record], stem: str) -> list[_Record]:
        found = []
        for path in sorted(self.path.glob(f"{stem}-[0-9][0-9][0-9][0-9].json")):
            one = read_kept(kind, path)
            if one is None:
                continue
            if getattr(one, "number", None) != int(path.stem.removeprefix(f"{stem}-")):
                raise ResultError(f"{path} has another trial: delete it and run again")
            found.append(one)
        return found


def study_path(store: Store, protocol: str, name: str, key: str) -> Path:
    """The folder of a study.

    Args:
        store: that it is in.
        protocol: its label.
        name: of the mitigation.
        key: a hash of everything that decides what the study finds.
    """
    return store.root / protocol / f"{_PREFIX}{name}-{key}"


def find_studies(store: Store, name: str, protocol: str | None) -> list[StudyFolder]:
    """The studies of a mitigation, the latest first.

    Args:
        store: that they are in.
        name: of the mitigation, or of a study's folder.
        protocol: its name; None for any.
    """
    found = []
    for path in store.root.glob(f"*-v*/{_PREFIX}*/{_FILE}"):
        record = read_kept(StudyRecord, path)
        if (
            record
            and name in (record.mitigation.name, path.parent.name)
            and protocol in (None, record.protocol.name)
        ):
            found.append((_last_change(path.parent), StudyFolder(path.parent, record)))
    return [folder for _, folder in sorted(found, key=lambda one: one[0], reverse=True)]


def _last_change(folder: Path) -> float:
    """When a record was last written there, in seconds since the epoch."""
    return max(path.stat().st_mtime for path in folder.glob("*.json"))
