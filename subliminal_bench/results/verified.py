"""Records of verified leaderboard entries, which are kept beside the entries."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from subliminal_bench.results.environment import Environment
from subliminal_bench.results.jsonfile import StrictRecord, read_record, write_record
from subliminal_bench.results.run import Isolation

_FOLDER = "verifications"


class VerifiedRecord(StrictRecord):
    """A record that an entry was rerun and that its claims hold.

    Attributes:
        entry_sha256: of the entry's file; the record verifies no other file.
        seeds: that were rerun, ascending.
        environment: of the rerun.
        isolation: how its mitigation was isolated.
    """

    schema_version: Literal[1]
    entry_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    seeds: Annotated[list[int], Field(min_length=1)]
    environment: Environment
    isolation: Isolation


def write_verified(
    root: Path,
    entry: Path,
    seeds: tuple[int, ...],
    environment: Environment,
    isolation: Isolation,
) -> Path:
    """Record that an entry's claims hold.

    Args:
        root: the leaderboard's folder.
        entry: the entry's file.
        seeds: that were rerun.
        environment: of the rerun.
        isolation: how the mitigation was isolated.

    Returns:
        The record's file.
    """
    path = root / _FOLDER / entry.name
    record = VerifiedRecord(
        schema_version=1,
        entry_sha256=_digest(entry),
        seeds=list(seeds),
        environment=environment,
        isolation=isolation,
    )
    write_record(path, record)
    return path


def read_verified(root: Path, entry: Path) -> VerifiedRecord | None:
    """The record for an entry's current file; None if there is none.

    Raises:
        ResultError: the record is damaged.
    """
    path = root / _FOLDER / entry.name
    if not path.is_file():
        return None
    record = read_record(VerifiedRecord, path)
    return record if record.entry_sha256 == _digest(entry) else None


def _digest(entry: Path) -> str:
    return hashlib.sha256(entry.read_bytes()).hexdigest()
