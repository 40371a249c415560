"""What is finished on several tracks is scored, and what is missing is said."""

from pathlib import Path

import pytest

from subliminal_bench.experiment.tracks import AUXILIARY_10, BACKDOOR, SKILL
from subliminal_bench.results import lookup
from subliminal_bench.results.store import Store
from subliminal_bench.scoring.finished_tracks import NO_RUN, scored_on_tracks
from tests.support.tracks import commit, fill, idea_on, references_on

TRACKS = (SKILL, BACKDOOR, AUXILIARY_10)


@pytest.fixture(autouse=True)
def _nothing_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tracks' committed references have other numbers than the runs made here."""
    monkeypatch.setattr(lookup, "matching_entry", lambda *_: None)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """`idea` on two tracks, with all references on one of them."""
    root = tmp_path_factory.mktemp("store")
    return Store(fill(root, *references_on(SKILL), idea_on(SKILL), idea_on(BACKDOOR)))


def test_every_track_is_a_row_and_what_is_missing_has_its_reason(
    store: Store, tmp_path: Path
) -> None:
    (found,) = scored_on_tracks([idea_on(SKILL)], TRACKS, store, tmp_path)
    assert [row.track for row in found.rows] == ["skill", "backdoor", "auxiliary-10"]
    here, unreferenced, absent = found.rows
    assert here.card
    assert here.card.verdict
    assert here.card.verdict.text == "mitigates"
    assert (here.failed, here.card.seeds) == (None, tuple(range(1, 9)))
    assert unreferenced.failed == "baseline has not run on seeds 1-8 under backdoor-v1"
    assert absent.failed == NO_RUN
    assert found.worst is here


def test_the_references_are_other_entries_and_the_baseline_has_all_of_the_trait(
    store: Store, tmp_path: Path
) -> None:
    (found,) = scored_on_tracks([idea_on(SKILL)], [SKILL], store, tmp_path)
    (row,) = found.rows
    assert row.others.keys() == {"baseline", "projection", "liminal"}
    assert row.others["baseline"] == 1
    assert row.others["projection"] < row.share < row.others["liminal"]


def test_another_setting_or_source_is_another_mitigation(store: Store, tmp_path: Path) -> None:
    run = idea_on(BACKDOOR)
    for change in ({"source_sha256": 64 * "0"}, {"settings": {"weight": 2.0}}):
        other = run.mitigation.model_copy(update=change)
        (found,) = scored_on_tracks(
            [run.model_copy(update={"mitigation": other})], [SKILL], store, tmp_path
        )
        assert found.rows[0].failed == NO_RUN


def test_a_file_counts_on_its_own_track(store: Store, tmp_path: Path) -> None:
    better = idea_on(SKILL, shift=0.25)
    kept, given = (
        scored_on_tracks([run], [SKILL], store, tmp_path)[0].rows[0].share
        for run in (idea_on(BACKDOOR), better)
    )
    assert given < kept


def test_committed_entries_of_the_given_leaderboard_are_compared(
    store: Store, tmp_path: Path
) -> None:
    root = commit(tmp_path / "board", references_on(SKILL)[0], idea_on(SKILL, 0.3, "rival"))
    (found,) = scored_on_tracks([idea_on(SKILL)], [SKILL], store, root)
    assert found.rows[0].others["rival"] < found.rows[0].share
    assert found.profiles()["rival"][0] == 1


def test_several_scored_mitigations_are_compared_with_one_another(
    store: Store, tmp_path: Path
) -> None:
    one, other = scored_on_tracks(
        [idea_on(SKILL), idea_on(SKILL, 0.25, "rival")], [SKILL], store, tmp_path
    )
    assert one.rows[0].others["rival"] == other.rows[0].share
    assert other.rows[0].others["idea"] == one.rows[0].share
