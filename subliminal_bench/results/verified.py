"""Records of verified leaderboard entries, which are kept beside the entries."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import Field

from subliminal_bench.errors import NoSuchFileError
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.jsonfile import Line, StrictRecord, read_record, write_record
from subliminal_bench.results.run import Isolation, Run
from subliminal_bench.untrusted.regular_file import read_bytes

_FOLDER = "verifications"


class Disagreement(StrictRecord):
    """What a rerun refuted, and when.

    Attributes:
        claims: the refuted ones, each with its evidence.
        date: of the rerun, as YYYY-MM-DD in UTC.
    """

    claims: Annotated[list[Line], Field(min_length=1)]
    date: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class VerifiedRecord(StrictRecord):
    """A record that an entry was verified: its claims hold, or some were refuted.

    Attributes:
        entry_sha256: of the entry's file; the record says nothing of any other file.
        seeds: that were rerun, ascending; none if the file itself was refuted.
        environment: of the rerun.
        isolation: how its mitigation was isolated.
        disagreed: what was refuted; None if all claims hold.
    """

    schema_version: Literal[1]
    entry_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    seeds: list[Annotated[int, Field(ge=1)]]
    environment: Environment
    isolation: Isolation
    # Written only if it is set: older records hold agreements only.
    disagreed: Disagreement | None = Field(default=None, exclude_if=lambda found: not found)

    @pydantic.model_validator(mode="after")
    def _reran(self) -> "VerifiedRecord":
        if not self.seeds and self.disagreed is None:
            raise ValueError("an entry holds only if seeds were rerun")
        return self


def write_verified(
    root: Path,
    entry: Path,
    seeds: tuple[int, ...],
    environment: Environment,
    isolation: Isolation,
    disagreed: Disagreement | None = None,
) -> Path:
    """Record whether an entry's claims hold.

    Args:
        root: the leaderboard's folder.
        entry: the entry's file.
        seeds: that were rerun.
        environment: of the rerun.
        isolation: how the mitigation was isolated.
        disagreed: what was refuted, if anything was.

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
        disagreed=disagreed,
    )
    write_record(path, record, kept=True)
    return path


def read_verified(root: Path, entry: Path) -> VerifiedRecord | None:
    """The record for an entry's current file; None if there is none.

    Raises:
        ResultError: the record is damaged.
    """
    path = root / _FOLDER / entry.name
    try:
        record = read_record(VerifiedRecord, path, root=root)
    except NoSuchFileError:
        return None
    return record if record.entry_sha256 == _digest(entry) else None


def _digest(entry: Path) -> str:
    return hashlib.sha256(read_bytes(entry, Run.most_bytes)).hexdigest()
