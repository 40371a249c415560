"""Records as JSON files, with a digest of their content, checked against a schema."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

from subliminal_bench.errors import ResultError
from subliminal_bench.printable import unseen_character
from subliminal_bench.results.files import write_atomically
from subliminal_bench.untrusted.regular_file import read_bytes
from subliminal_bench.untrusted.strict_json import parse_json

# Increase this number when a field is added, removed or changes its meaning.
SCHEMA: Literal[2] = 2
# Records of older schemas are read too; what they lack is marked.
_READ = (1, SCHEMA)
# Of a text that is shown; the longest of a built-in mitigation has 73.
_LONGEST_LINE = 2000
# Several mitigations in one may have as many together.
_MOST_SETTINGS = 1000


def all_seen(text: str) -> str:
    """The text itself; a ValueError if it is too long, or has a character that is not seen."""
    if len(text) > _LONGEST_LINE:
        raise ValueError(f"it has more than {_LONGEST_LINE} letters")
    unseen = unseen_character(text)
    if unseen:
        raise ValueError(f"the character {unseen} cannot be shown")
    return text


# Text that is shown as it is, on pages and in terminals.
Line = Annotated[str, AfterValidator(all_seen)]


def _words_are_seen(
    settings: dict[str, bool | int | float | str],
) -> dict[str, bool | int | float | str]:
    # Not by the values' type: a union's error would speak of its first member.
    for value in settings.values():
        if isinstance(value, str):
            all_seen(value)
    return settings


# A mitigation's settings by name.
SettingValues = Annotated[
    dict[Line, bool | int | FiniteFloat | str],
    Field(max_length=_MOST_SETTINGS),
    AfterValidator(_words_are_seen),
]


class StrictRecord(BaseModel):
    """A record in a file; unknown fields, wrong types and assignments are errors.

    Attributes:
        most_bytes: of a file with such a record.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    # A seed's metrics have 2 kB, plain distillation's path of a seed 20 kB.
    most_bytes: ClassVar[int] = 2**20


_Record = TypeVar("_Record", bound=StrictRecord)
_Model = TypeVar("_Model", bound=BaseModel)


def read_record(
    kind: type[_Record],
    path: Path,
    digest_required: bool = True,
    root: Path | None = None,
    *,
    owned: bool = False,
) -> _Record:
    """Read a record that `write_record` wrote.

    Args:
        kind: of record.
        path: the file.
        digest_required: whether a file without a digest is refused; older files have none.
        root: the folder below which no link is followed; None if the user named the file.
        owned: whether another user's file is refused; see `regular_file.read_bytes`.

    Raises:
        NoSuchFileError: there is no such file.
        ResultError: the file is not JSON, does not match the schema, or was changed after it
            was written.
    """
    content = parse_json(read_bytes(path, kind.most_bytes, root, owned=owned), path)
    if "schema_version" in kind.model_fields:
        version = content.get("schema_version") if isinstance(content, dict) else None
        if type(version) is not int or version not in _READ:
            raise ResultError(
                f"{path}: its schema version is {version!r:.60}, but this program reads only "
                f"versions {' and '.join(map(str, _READ))}"
            )
    without = not isinstance(content, dict) or "digest" not in content
    digest = None if without else content.pop("digest")
    record = validated(kind, content, path)
    # Over the file's own content, so that new fields do not invalidate older files.
    if digest != _digest(content) and (digest_required or not without):
        raise ResultError(
            f"{path}: its digest does not match its content: "
            "it was changed after it was written"
        )
    return record


def write_record(path: Path, record: StrictRecord, *, kept: bool = False) -> None:
    """Write a record with the digest of its content, as indented JSON, atomically.

    Args:
        path: of the file.
        record: its content.
        kept: whether it is in a store or a leaderboard; see `files.write_atomically`.

    Raises:
        ResultError: the folder cannot be written to, or the file would be too large to be read.
    """
    content = record.model_dump()
    content["digest"] = _digest(content)
    written = (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
    if len(written) > record.most_bytes:
        raise ResultError(
            f"cannot write {path}: it would have {len(written)} bytes, and at most "
            f"{record.most_bytes} are read: choose fewer seeds"
        )
    write_atomically(path, written, kept=kept)


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a file without its digest, to detect accidents."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def validated(kind: type[_Model], content: Any, path: Path) -> _Model:
    """Check parsed JSON against the schema; an error names the first mismatch."""
    try:
        return kind.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        what = first["msg"].removeprefix("Value error, ")
        line = " ".join(f"{path}: {where}: {what}".split())
        raise ResultError(line) from None
