"""Records as JSON files, with a digest of their content, checked against a schema."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict

from subliminal_bench.errors import ResultError
from subliminal_bench.printable import unseen_character
from subliminal_bench.results.files import write_atomically

# Increase this number when a field is added, removed or changes its meaning.
SCHEMA: Literal[2] = 2
# Records of older schemas are read too; what they lack is marked.
_READ = (1, SCHEMA)
_Model = TypeVar("_Model", bound=BaseModel)


def all_seen(text: str) -> str:
    """The text itself; a ValueError if a reader would not see one of its characters."""
    unseen = unseen_character(text)
    if unseen:
        raise ValueError(f"the character {unseen} cannot be shown")
    return text


# Text that is shown as it is, on pages and in terminals.
Line = Annotated[str, AfterValidator(all_seen)]


class StrictRecord(BaseModel):
    """A record in a file; unknown fields, wrong types and assignments are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def read_record(kind: type[_Model], path: Path, digest_required: bool = True) -> _Model:
    """Read a record that `write_record` wrote.

    Args:
        kind: of record.
        path: the file.
        digest_required: whether a file without a digest is refused; older files have none.

    Raises:
        ResultError: the file is missing, is not JSON, does not match the schema, or was
            changed after it was written.
    """
    content = read_json(path)
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


def write_record(path: Path, record: BaseModel) -> None:
    """Write a record with the digest of its content, as indented JSON, atomically."""
    content = record.model_dump()
    content["digest"] = _digest(content)
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a file without its digest, to detect accidents."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_json(path: Path) -> Any:
    """Parse a JSON file, or raise a one-line error with the reason."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ResultError(f"no such file: {path}") from None
    except OSError as error:
        raise ResultError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ResultError(f"{path} is not valid JSON: is it complete?") from None


def validated(kind: type[_Model], content: Any, path: Path) -> _Model:
    """Check parsed JSON against the schema; an error names the first mismatch."""
    try:
        return kind.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        line = " ".join(f"{path}: {where}: {first['msg']}".split())
        raise ResultError(line) from None
