"""A record says what was tested about an entry's file, and nothing about any other file."""

import hashlib
import json
from pathlib import Path

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.results.run import write_run
from subliminal_bench.results.verified import has_record, read_verified
from tests.support.leaderboards import REFERENCES
from tests.support.verified import HOLDS, REFUTED, verify_by_hand

BASELINE, LIMINAL, _ = REFERENCES


@pytest.fixture
def record_file(tmp_path: Path) -> Path:
    return verify_by_hand(tmp_path, LIMINAL, BASELINE, claims=(HOLDS, REFUTED))


def test_it_names_what_does_not_hold(record_file: Path, tmp_path: Path) -> None:
    found = read_verified(tmp_path, tmp_path / "entries" / "liminal.json")
    assert found
    assert found.refuted == ["classes: 0.5 | 0.3 in another order"]


def test_it_is_void_once_the_entry_changes(record_file: Path, tmp_path: Path) -> None:
    entry = tmp_path / "entries" / "liminal.json"
    write_run(entry, LIMINAL.first(19))
    assert read_verified(tmp_path, entry) is None
    assert has_record(tmp_path, entry)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("date", "today", "date"),
        ("draw", "../../entries", "draw"),
        ("claims", [], "claims"),
        ("entry_sha256", "0", "entry_sha256"),
        ("rank", 1, "rank"),
    ],
)
def test_one_that_was_edited_is_one_line(
    record_file: Path, tmp_path: Path, field: str, value: object, said: str
) -> None:
    content = json.loads(record_file.read_bytes()) | {field: value}
    del content["digest"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["digest"] = hashlib.sha256(canonical.encode()).hexdigest()
    record_file.write_text(json.dumps(content))
    with pytest.raises(ResultError, match=said):
        read_verified(tmp_path, tmp_path / "entries" / "liminal.json")


def test_records_of_version_0_1_are_no_records(record_file: Path, tmp_path: Path) -> None:
    record_file.write_text('{"schema_version": 1}')
    with pytest.raises(ResultError, match="schema_version"):
        read_verified(tmp_path, tmp_path / "entries" / "liminal.json")
