"""Records of breaks are read back, speak of one entry, and only ever take something away."""

from pathlib import Path
from typing import Any

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.results.breaks import (
    BreakRecord,
    ReaderRecord,
    best_break,
    breaks_of,
    prevention_after,
    read_breaks,
    write_break,
)
from subliminal_bench.results.run import Isolation, Run
from tests.support.plugins_for_tests import one_line
from tests.support.runs import make_run

ENTRY = make_run("halve", [0.3, 0.4])
READER = ReaderRecord(
    name="mine",
    title="Mine",
    method="somehow",
    renderings=["raw"],
    labels=False,
    reference="a stranger",
    settings={"steps": 3},
    source_sha256="a" * 64,
)


def record(entry: Run = ENTRY, reader: ReaderRecord = READER, **but: Any) -> BreakRecord:
    values: dict[str, Any] = {
        "schema_version": 1,
        "protocol": entry.protocol,
        "mitigation": entry.mitigation,
        "reader": reader,
        "seeds": [101, 207],
        "rendering_seed": 3,
        "share": 0.97,
        "low": 0.93,
        "high": 1.01,
        "best_of_verdict": "latent_accuracy",
        "share_of_verdict": 0.85,
        "why_not": [],
        "environment": entry.environment,
        "isolation": Isolation(network="none"),
        "entry_isolation": None,
        "date": "2026-11-28",
    }
    return BreakRecord(**values | but)


def named(name: str, digest: str = "a") -> ReaderRecord:
    return READER.model_copy(update={"name": name, "source_sha256": digest * 64})


def test_a_record_is_read_back(tmp_path: Path) -> None:
    path = write_break(tmp_path, record())
    assert path == tmp_path / "breaks" / "halve-mine.json"
    assert breaks_of(read_breaks(tmp_path), ENTRY) == [record()]


def test_without_records_nothing_is_broken(tmp_path: Path) -> None:
    assert breaks_of(read_breaks(tmp_path), ENTRY) == []
    assert best_break(read_breaks(tmp_path), ENTRY) is None


def test_the_reader_that_finds_most_counts(tmp_path: Path) -> None:
    for name, share in (("a", 0.9), ("b", 0.97), ("c", 0.95)):
        write_break(tmp_path, record(reader=named(name), share=share, low=share - 0.02))
    write_break(tmp_path, record(reader=named("d"), share=1.2, low=0.2))
    write_break(tmp_path, record(reader=named("e"), share=1.3, low=1.2, why_not=["chosen"]))
    found = best_break(read_breaks(tmp_path), ENTRY)
    assert found
    assert found.reader.name == "b"
    assert prevention_after(0.15, found) == pytest.approx(0.03)
    assert len(breaks_of(read_breaks(tmp_path), ENTRY)) == 5


def test_prevention_only_falls() -> None:
    assert prevention_after(0.01, record()) == 0.01
    assert prevention_after(0.15, record(share=0.7, low=0.6)) == 0.15
    assert prevention_after(0.15, record(why_not=["chosen"])) == 0.15


@pytest.mark.parametrize(
    "other",
    [
        make_run("double", [0.3]),
        ENTRY.model_copy(
            update={
                "mitigation": ENTRY.mitigation.model_copy(update={"source_sha256": "b" * 64})
            }
        ),
        ENTRY.model_copy(
            update={"mitigation": ENTRY.mitigation.model_copy(update={"settings": {"a": 1}})}
        ),
        ENTRY.model_copy(
            update={"protocol": ENTRY.protocol.model_copy(update={"fingerprint": "c" * 64})}
        ),
    ],
    ids=["name", "source", "settings", "protocol"],
)
def test_it_says_nothing_of_another_entry(other: Run, tmp_path: Path) -> None:
    write_break(tmp_path, record())
    assert breaks_of(read_breaks(tmp_path), other) == []


def refused(tmp_path: Path, again: BreakRecord) -> str:
    with pytest.raises(ResultError) as error:
        write_break(tmp_path, again)
    return one_line(error.value)


def test_nobody_draws_seeds_until_they_please(tmp_path: Path) -> None:
    write_break(tmp_path, record())
    assert "seeds are drawn once" in refused(tmp_path, record(share=0.99, seeds=[300]))


def test_a_weaker_reader_does_not_replace_one_of_its_name(tmp_path: Path) -> None:
    write_break(tmp_path, record())
    assert "finds more" in refused(tmp_path, record(reader=named("mine", "b"), share=0.9))
    stronger = record(reader=named("mine", "b"), share=0.99)
    write_break(tmp_path, stronger)
    assert breaks_of(read_breaks(tmp_path), ENTRY) == [stronger]


def test_two_entries_and_readers_whose_names_run_together_are_kept_apart(
    tmp_path: Path,
) -> None:
    write_break(tmp_path, record(make_run("a-b", [0.3]), named("c")))
    message = refused(tmp_path, record(make_run("a", [0.3]), named("b-c")))
    assert "is about c and a-b" in message


def test_a_record_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = write_break(tmp_path, record())
    path.write_text(path.read_text().replace("0.97", "0.98"))
    with pytest.raises(ResultError, match="its digest does not match"):
        breaks_of(read_breaks(tmp_path), ENTRY)


@pytest.mark.parametrize(
    "but",
    [
        {"seeds": [3, 2]},
        {"seeds": [2, 2]},
        {"seeds": []},
        {"share": None},
        {"share": float("nan")},
        {"date": "yesterday"},
        {"isolation": None},
    ],
)
def test_what_cannot_be_is_refused(but: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        record(**but)
