"""Records of verified leaderboard entries, which are kept beside the entries.

Only `score-submission` writes them, on a machine that the submitter does not control.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from subliminal_bench.errors import NoSuchFileError
from subliminal_bench.results.draws import DrawName
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.jsonfile import Line, StrictRecord, read_record, write_record
from subliminal_bench.results.run import Isolation, Run
from subliminal_bench.untrusted.regular_file import read_bytes

_FOLDER = "verifications"
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ClaimRecord(StrictRecord):
    """Something that was tested about an entry.

    Attributes:
        about: the subject.
        holds: whether it holds; if it does not, the entry is refuted.
        text: the evidence, and what would have been found.
    """

    about: Line
    holds: bool
    text: Line


class VerifiedRecord(StrictRecord):
    """A record that an entry's source was run and tested by others than its submitter.

    Attributes:
        entry_sha256: of the entry's file; the record says nothing of any other file.
        submission_sha256: of the folder that was submitted; None for an own plugin.
        draw: of the fresh seeds.
        fresh_sha256: of the file with the entry's results on them.
        baseline_sha256: of the file with plain distillation's.
        claims: everything that was tested.
        environment: of the runs.
        isolation: how the mitigation was isolated; None for an own plugin.
        date: as YYYY-MM-DD in UTC.
    """

    schema_version: Literal[2]
    entry_sha256: _Digest
    submission_sha256: _Digest | None
    draw: DrawName
    fresh_sha256: _Digest
    baseline_sha256: _Digest
    claims: Annotated[list[ClaimRecord], Field(min_length=1)]
    environment: Environment
    isolation: Isolation | None
    date: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]

    @property
    def refuted(self) -> list[str]:
        """The claims that do not hold, with their evidence."""
        return [f"{one.about}: {one.text}" for one in self.claims if not one.holds]


def write_verified(root: Path, entry: Path, record: VerifiedRecord) -> Path:
    """Write the record of an entry.

    Args:
        root: the leaderboard's folder.
        entry: the entry's file.
        record: about it.

    Returns:
        The record's file.
    """
    path = root / _FOLDER / entry.name
    write_record(path, record, kept=True)
    return path


def read_verified(root: Path, entry: Path) -> VerifiedRecord | None:
    """The record for an entry's current file; None if there is none.

    Raises:
        ResultError: the record is damaged.
    """
    try:
        record = read_record(VerifiedRecord, root / _FOLDER / entry.name, root=root)
    except NoSuchFileError:
        return None
    return record if record.entry_sha256 == file_digest(entry) else None


def file_digest(path: Path) -> str:
    """The SHA-256 of the bytes of a run's file.

    Raises:
        ResultError: it cannot be read.
    """
    return hashlib.sha256(read_bytes(path, Run.most_bytes)).hexdigest()


def has_record(root: Path, entry: Path) -> bool:
    """Whether there is a record of the entry's file or of an earlier one."""
    return (root / _FOLDER / entry.name).is_file()
