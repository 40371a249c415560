"""An entry's worst track is known where it was run on the whole robust set."""

from pathlib import Path

import pytest

from subliminal_bench.experiment.tracks import PROTOCOLS, ROBUST
from subliminal_bench.scoring.committed_tracks import (
    CommittedTracks,
    committed_tracks,
    is_on_all,
    paged_tracks,
    worst_track,
)
from subliminal_bench.scoring.ranking import RankedEntry
from subliminal_bench.scoring.robust import against_baseline
from tests.support.tracks import built_in, idea_on, on_the_robust_set


def row(name: str = "idea") -> RankedEntry:
    """The entry as it stands on the leaderboard."""
    card = against_baseline(idea_on(ROBUST[0], 0.15, name), built_in("baseline", ROBUST[0]))
    return RankedEntry(card, 1, False, False)


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> CommittedTracks:
    return on_the_robust_set(tmp_path_factory.mktemp("board"), worst="blurred")


def test_all_that_varies_the_experiment_has_a_page_the_robust_set_first() -> None:
    names = [track.name for track in paged_tracks()]
    assert names[: len(ROBUST) - 1] == [track.name for track in ROBUST[1:]]
    assert set(names) == PROTOCOLS.keys() - {"mnist", "mnist-5k", "probe"}


def test_the_worst_track_is_the_one_with_the_least_prevention(tracks: CommittedTracks) -> None:
    assert is_on_all(row(), tracks)
    track, prevention = worst_track(row(), tracks)
    assert track == "blurred"
    assert prevention is not None
    assert 0 < prevention < 0.2


def test_one_missing_track_is_not_the_whole_set(tracks: CommittedTracks) -> None:
    fewer = {name: cards for name, cards in tracks.items() if name != "skill"}
    assert not is_on_all(row(), fewer)
    assert not is_on_all(row("rival"), tracks)


def test_another_source_of_that_name_does_not_count(tracks: CommittedTracks) -> None:
    run = row().run
    other = run.mitigation.model_copy(update={"source_sha256": 64 * "0"})
    card = against_baseline(
        run.model_copy(update={"mitigation": other}), built_in("baseline", ROBUST[0])
    )
    assert not is_on_all(RankedEntry(card, 1, False, False), tracks)


def test_a_track_on_which_nothing_can_be_judged_is_the_worst(tracks: CommittedTracks) -> None:
    few = idea_on(ROBUST[2]).first(3)
    card = against_baseline(few, built_in("baseline", ROBUST[2]).first(3))
    changed = {**tracks, "skill": {**tracks["skill"], "idea": card}}
    assert worst_track(row(), changed) == ("skill", None)


def test_a_leaderboard_without_tracks_has_none(tmp_path: Path) -> None:
    assert committed_tracks(tmp_path) == {}
