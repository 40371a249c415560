"""How settings were found is known: from the submission, or from the committed file."""

from pathlib import Path

import pytest

from subliminal_bench import shipped
from subliminal_bench.results.entries import read_entries
from subliminal_bench.results.tuned import ranking_seeds, tuned_record
from subliminal_bench.scoring.ranking import rank_folder

BOARD = shipped.folder("leaderboard")


def test_stroke_anchor_is_known_to_be_tuned_on_seeds_that_rank_it() -> None:
    entries = read_entries(BOARD / "entries")
    found = tuned_record(BOARD, entries["stroke_anchor"].mitigation)
    assert found
    assert found.seeds == "1-3"
    assert tuned_record(BOARD, entries["liminal"].mitigation) is None


def test_it_has_no_rank_for_that() -> None:
    rows = {row.run.mitigation.label: row for level in rank_folder(BOARD) for row in level.rows}
    row = rows["stroke_anchor"]
    assert row.rank is None
    assert row.hindrance.startswith("its settings were tuned on seeds 1-3")
    # What was verified about it stays.
    assert row.verdict
    assert rows["liminal"].rank == 1


def test_another_source_of_that_name_is_not_marked() -> None:
    record = read_entries(BOARD / "entries")["stroke_anchor"].mitigation
    assert tuned_record(BOARD, record.model_copy(update={"source_sha256": 64 * "0"})) is None


@pytest.mark.parametrize(
    ("seeds", "wrong"),
    [("1-3", True), ("21-40", True), ("101,1500", True), ("1000", True), ("1001-2000", False)],
)
def test_seeds_up_to_1000_decide_something(seeds: str, wrong: bool) -> None:
    assert bool(ranking_seeds(seeds)) == wrong


def test_a_huge_range_is_read_at_once() -> None:
    assert ranking_seeds(f"1001-{10**150}") == ""
    assert "seeds 1-1000" in ranking_seeds(f"1-{10**150}")


def test_without_the_file_nothing_is_known(tmp_path: Path) -> None:
    record = read_entries(BOARD / "entries")["stroke_anchor"].mitigation
    assert tuned_record(tmp_path, record) is None
