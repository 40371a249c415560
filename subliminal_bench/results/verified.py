"""What was verified of the leaderboard's entries, as it is kept beside them."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from subliminal_bench.results.environment import Environment
from subliminal_bench.results.jsonfile import StrictRecord, read_record, write_record
from subliminal_bench.results.run import Isolation

_FOLDER = "verifications"


class VerifiedRecord(StrictRecord):
    """That an entry was rerun, and held.

    Attributes:
        entry_sha256: of the entry's file; another file is not verified by it.
        seeds: that were rerun, ascending.
        environment: where.
        isolation: how its mitigation was kept apart.
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
    """Keep that an entry held.

    Args:
        root: the leaderboard's folder.
        entry: the entry's file.
        seeds: that were rerun.
        environment: where they were.
        isolation: how the mitigation was kept apart from what measured it.

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
    """What was verified of an entry as it is now.

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
