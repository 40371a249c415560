"""Records of readers that were tried on an entry, which are kept beside the entries.

A record never makes an entry look better: of all that are known, the reader that finds most
counts.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import Field, FiniteFloat

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.jsonfile import Line, StrictRecord, read_record, write_record
from subliminal_bench.results.run import Isolation, MitigationRecord, ProtocolRecord, Run

_FOLDER = "breaks"
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ReaderRecord(StrictRecord):
    """The reader that read: its card, its parameter values and the hash of its source."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    title: Line
    method: Line
    renderings: Annotated[list[Line], Field(min_length=1)]
    labels: bool
    reference: Line
    settings: dict[Line, bool | int | FiniteFloat | Line]
    source_sha256: _Digest


class BreakRecord(StrictRecord):
    """What a reader found in an entry, on seeds that were drawn after its source was fixed.

    Attributes:
        protocol: the experiment.
        mitigation: the entry's; the record says nothing of another source or other settings.
        reader: that read it.
        seeds: ascending.
        rendering_seed: of the rendering that was drawn secretly.
        share: of plain distillation's gain that the reader finds.
        low: lower end of its 95 % interval; None if nothing bounds it.
        high: its upper end, likewise.
        best_of_verdict: the verdict's reader that finds most on the same seeds.
        share_of_verdict: what it finds.
        why_not: why the reader does not count; empty if it counts.
        environment: where this was computed.
        isolation: how the reader was isolated.
        entry_isolation: how the entry's mitigation was; None if it was not.
        date: YYYY-MM-DD, in UTC.
    """

    schema_version: Literal[1]
    protocol: ProtocolRecord
    mitigation: MitigationRecord
    reader: ReaderRecord
    seeds: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
    rendering_seed: Annotated[int, Field(ge=0)]
    share: FiniteFloat | None
    low: FiniteFloat | None
    high: FiniteFloat | None
    best_of_verdict: Line
    share_of_verdict: FiniteFloat | None
    why_not: list[Line]
    environment: Environment
    isolation: Isolation
    entry_isolation: Isolation | None
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]

    @pydantic.model_validator(mode="after")
    def _in_order(self) -> "BreakRecord":
        if self.seeds != sorted(set(self.seeds)):
            raise ValueError("seeds must be ascending and unique")
        if self.counts and (self.share is None or self.share_of_verdict is None):
            raise ValueError("a reader without a share cannot count")
        return self

    @property
    def counts(self) -> bool:
        """Whether the reader's share says anything about the entry."""
        return not self.why_not

    @property
    def breaks(self) -> bool:
        """Whether it is shown to find more than every reader of the verdict did."""
        if not self.counts or self.low is None or self.share_of_verdict is None:
            return False
        return self.low > self.share_of_verdict


def write_break(root: Path, record: BreakRecord) -> Path:
    """Write a record; one that finds less never replaces one that finds more.

    Args:
        root: the leaderboard's folder.
        record: of an attempt that was isolated.

    Returns:
        The record's file.

    Raises:
        ResultError: a record of that name is of another entry, is of the same reader and entry,
            or finds more.
    """
    path = _file(root, record.mitigation, record.reader)
    known = _known(path, record.protocol, record.mitigation, record.reader)
    before = (known.share or 0.0) if known and known.breaks else 0.0
    after = (record.share or 0.0) if record.breaks else 0.0
    if known and known.mitigation == record.mitigation and after < before:
        raise ResultError(
            f"{path} has a reader of that name that finds more: give this one another name"
        )
    path.parent.mkdir(exist_ok=True)
    write_record(path, record)
    return path


def refuse_known(
    root: Path, protocol: Protocol, mitigation: Mitigation, reader: ReaderRecord
) -> None:
    """Refuse what could not be recorded, before anything is trained for it.

    Args:
        root: the leaderboard's folder.
        protocol: of the attempt.
        mitigation: the entry's.
        reader: that is to read it.

    Raises:
        ResultError: a record of that name is of another entry, or of the same reader and entry.
    """
    entry = MitigationRecord.of(mitigation)
    _known(_file(root, entry, reader), ProtocolRecord.of(protocol), entry, reader)


def _file(root: Path, mitigation: MitigationRecord, reader: ReaderRecord) -> Path:
    # The entry's part is as its own file is named.
    return root / _FOLDER / f"{mitigation.file_stem}-{reader.name}.json"


def _known(
    path: Path, protocol: ProtocolRecord, mitigation: MitigationRecord, reader: ReaderRecord
) -> BreakRecord | None:
    """The record that a new one would replace; None if there is none.

    Seeds are drawn once: else somebody would draw until a draw pleases.

    Raises:
        ResultError: it must not be replaced.
    """
    if not path.is_file():
        return None
    known = read_record(BreakRecord, path)
    names = (known.mitigation.label, known.reader.name, known.protocol.name)
    if names != (mitigation.label, reader.name, protocol.name):
        raise ResultError(
            f"{path} is about {known.reader.name} and {known.mitigation.label} under "
            f"{known.protocol.label}: give the reader another name"
        )
    same = (known.reader.source_sha256, known.reader.settings) == (
        reader.source_sha256,
        reader.settings,
    )
    if same and (known.protocol, known.mitigation) == (protocol, mitigation):
        raise ResultError(
            f"{path} has what {reader.name} finds in {mitigation.label}: seeds are drawn once"
        )
    return known


def read_breaks(root: Path) -> list[BreakRecord]:
    """The records of all readers that were tried on any entry.

    Args:
        root: the leaderboard's folder.

    Raises:
        ResultError: a record is damaged.
    """
    return [read_record(BreakRecord, path) for path in sorted((root / _FOLDER).glob("*.json"))]


def breaks_of(records: Iterable[BreakRecord], entry: Run) -> list[BreakRecord]:
    """The records of all readers that were tried on an entry, the largest share first.

    Args:
        records: of all entries.
        entry: with its present source and settings; records of others are left out.
    """
    found = [
        record
        for record in records
        if record.mitigation == entry.mitigation and record.protocol == entry.protocol
    ]
    return sorted(
        found,
        key=lambda record: (not record.breaks, -(record.share or 0.0), record.reader.name),
    )


def best_break(records: Iterable[BreakRecord], entry: Run) -> BreakRecord | None:
    """The record of the reader that finds most, if one finds more than the verdict's readers.

    Args:
        records: of all entries.
        entry: see `breaks_of`.
    """
    return next((record for record in breaks_of(records, entry) if record.breaks), None)


def prevention_after(prevention: float, broken: BreakRecord | None) -> float:
    """A prevention once a reader is known that finds more; never larger than before.

    >>> prevention_after(0.15, None)
    0.15
    """
    if broken is None or not broken.breaks or broken.share is None:
        return prevention
    return min(prevention, 1 - broken.share)
