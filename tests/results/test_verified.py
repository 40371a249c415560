"""A record says that an entry held, or what a rerun refuted and when."""

from pathlib import Path

import pydantic
import pytest

from subliminal_bench import shipped
from subliminal_bench.results.run import Isolation, write_run
from subliminal_bench.results.verified import (
    Disagreement,
    VerifiedRecord,
    read_verified,
    write_verified,
)
from tests.support.runs import make_run

RUN = make_run("idea", [0.5, 0.4])
ALONE = Isolation(network="none")


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    path = tmp_path / "entries" / "idea.json"
    write_run(path, RUN)
    return path


def test_a_disagreement_reads_back_as_it_was(entry: Path, tmp_path: Path) -> None:
    said = Disagreement(claims=["rerun: seed 2 differs"], date="2025-01-31")
    write_verified(tmp_path, entry, (2,), RUN.environment, ALONE, said)
    found = read_verified(tmp_path, entry)
    assert found
    assert found.disagreed == said


def test_a_later_agreement_replaces_it(entry: Path, tmp_path: Path) -> None:
    said = Disagreement(claims=["rerun: seed 2 differs"], date="2025-01-31")
    write_verified(tmp_path, entry, (), RUN.environment, ALONE, said)
    path = write_verified(tmp_path, entry, (1, 2), RUN.environment, ALONE)
    found = read_verified(tmp_path, entry)
    assert found
    assert (found.seeds, found.disagreed) == ([1, 2], None)
    # As older versions wrote and read it.
    assert "disagreed" not in path.read_text()


def test_records_of_older_versions_are_read_as_agreements() -> None:
    root = shipped.folder("leaderboard")
    for path in (root / "verifications").glob("*.json"):
        record = read_verified(root, root / "entries" / path.name)
        assert record is None or record.disagreed is None


@pytest.mark.parametrize("date", ["today", "31.1.2025", ""])
def test_a_disagreement_has_a_date(date: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="date"):
        Disagreement(claims=["rerun: differs"], date=date)


def test_nothing_holds_without_a_rerun() -> None:
    with pytest.raises(pydantic.ValidationError, match="seeds were rerun"):
        VerifiedRecord(
            schema_version=1,
            entry_sha256="0" * 64,
            seeds=[],
            environment=RUN.environment,
            isolation=ALONE,
        )
