"""One mitigation on several tracks: one after another, one failing alone, never run twice."""

from dataclasses import replace
from pathlib import Path

import pytest

from subliminal_bench.errors import OptionSpelling, ProtocolError
from subliminal_bench.experiment import tracks as known
from subliminal_bench.experiment.tracks import PROTOCOLS, ROBUST
from subliminal_bench.results.store import Store
from subliminal_bench.running import jobs
from subliminal_bench.running.setup import Scoring, Setup
from subliminal_bench.running.tracks import LoadedTracks, TrackScorings, tracks_named
from tests.support.files import contents
from tests.support.plugins_for_tests import one_line, scaling_source, write
from tests.support.varied import SHORT_TRACKS
from tests.support.watchers import Heard

ONE_FAILS = "short,short-fashion,short-skill"


@pytest.fixture(autouse=True)
def _short_tracks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, protocol in SHORT_TRACKS.items():
        monkeypatch.setitem(PROTOCOLS, name, protocol)


def loaded(names: str, folder: Path, **choices: object) -> LoadedTracks:
    setup = Setup(device="cpu", store=Store(folder / "store"), data_dir=folder / "nothing")
    chosen = Scoring(setup=setup, mitigation="baseline", seeds="1")
    return TrackScorings(replace(chosen, **choices), tracks_named(names)).load()  # type: ignore[arg-type]


class TestNames:
    def test_robust_names_the_whole_set(self) -> None:
        assert tracks_named("robust") == ROBUST
        assert tracks_named(["robust", "sgd"])[:-1] == ROBUST

    def test_names_may_have_commas_or_be_a_sequence(self) -> None:
        for names in ("skill,backdoor", " skill , backdoor", ["skill", "backdoor"]):
            assert [one.name for one in tracks_named(names)] == ["skill", "backdoor"]

    def test_a_protocol_that_is_measured_less_often_is_a_track(self) -> None:
        (track,) = tracks_named("mnist-5k-every-10")
        assert track.measure_every == 10

    @pytest.mark.parametrize(
        ("names", "said"),
        [
            ("skil", "unknown protocol 'skil'; known: mnist,"),
            ("skill,", "unknown protocol ''; known: mnist,"),
            ("", "unknown protocol ''"),
            ("skill,backdoor,skill", "the track 'skill' is named twice"),
            ("robust,permuted", "the track 'permuted' is named twice"),
            ([], "no track is named: robust names all of the robust set"),
            (["skill", 3], "unknown protocol 3"),
            (3, "tracks must be names, not 3"),
            (None, "tracks must be names, not None"),
        ],
    )
    def test_a_wrong_name_is_one_line(self, names: object, said: str) -> None:
        with pytest.raises(ProtocolError) as caught:
            tracks_named(names)  # type: ignore[arg-type]
        assert said in one_line(caught.value)


def test_every_name_of_the_robust_set_is_a_protocol() -> None:
    assert known.ROBUST_NAME not in PROTOCOLS
    for track in ROBUST:
        assert PROTOCOLS[track.name] is track
    assert [one for one in ROBUST if one.is_canonical] == [ROBUST[0]]


class TestRunning:
    def test_a_track_without_its_data_is_a_row_that_says_so_and_the_others_run(
        self, tmp_path: Path
    ) -> None:
        heard = Heard()
        found = loaded(ONE_FAILS, tmp_path).run(heard)
        assert [row.track for row in found.rows] == ONE_FAILS.split(",")
        assert [bool(row.card) for row in found.rows] == [True, False, True]
        (failed,) = found.failed
        assert failed.failed
        assert failed.failed.startswith("no Fashion-MNIST file ")
        assert "data_dir=... must name the folder" in failed.failed
        assert f"short-fashion: {failed.failed}" in heard.lines
        assert "track 3 of 3: short-skill, few steps from a base" in heard.lines

    def test_advice_is_spelled_for_whoever_reads_it(self, tmp_path: Path) -> None:
        (row,) = loaded("short-fashion", tmp_path).run(spelling=OptionSpelling("--")).rows
        assert row.failed
        assert "--data-dir must name the folder" in row.failed

    def test_a_mitigation_that_fails_on_a_track_fails_there_alone(self, tmp_path: Path) -> None:
        source = scaling_source("picky", "1.0").replace(
            "    return step",
            "    if gradient.shape[-1] < 10_000:\n"
            "        raise ValueError('so few units')\n"
            "    return step",
        )
        path = write(tmp_path / "picky.py", source)
        found = loaded("short,short-narrow", tmp_path, mitigation=str(path)).run()
        assert found.name == "picky"
        assert [bool(row.card) for row in found.rows] == [True, False]
        assert found.rows[1].failed
        assert "so few units" in found.rows[1].failed
        assert len(found.rows[1].failed.splitlines()) == 1

    def test_what_is_finished_is_not_trained_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = "short,short-skill,short-backdoor"
        first = loaded(names, tmp_path).run()
        before = contents(tmp_path / "store")
        kept = {path.parts[-3] for path in (tmp_path / "store").rglob("seed-*.json")}
        assert kept == {f"{name}-v1" for name in names.split(",")}
        assert not first.failed

        def forbidden(*_: object, **__: object) -> None:
            raise AssertionError("trained again")

        monkeypatch.setattr(jobs, "train_students", forbidden)
        monkeypatch.setattr(jobs, "train_teachers", forbidden)
        again = loaded(names, tmp_path).run()
        assert contents(tmp_path / "store") == before
        assert [row.card.entry for row in again.rows if row.card] == [
            row.card.entry for row in first.rows if row.card
        ]

    def test_a_mistake_is_found_before_anything_is_run(self, tmp_path: Path) -> None:
        with pytest.raises(ProtocolError, match="measuring every 99 steps"):
            loaded("short-skill,short", tmp_path, setup=Setup(measure_every=99))
        assert not (tmp_path / "store").exists()

    def test_only_tracks_that_are_measured_at_every_step_are_measured_less_often(
        self, tmp_path: Path
    ) -> None:
        setup = Setup(measure_every=5)
        found = loaded("mnist-5k,skill-5k", tmp_path, setup=setup).scorings
        every = [one.chosen.setup.chosen_protocol.measure_every for _, one in found]
        assert every == [5, 10]

    def test_seeds_that_can_be_read_only_once_are_those_of_every_track(
        self, tmp_path: Path
    ) -> None:
        found = loaded("mnist-5k,skill-5k", tmp_path, seeds=iter([3, 5])).scorings
        assert [one.seeds for _, one in found] == [(3, 5), (3, 5)]

    def test_the_setting_is_the_same_on_every_track(self, tmp_path: Path) -> None:
        path = write(tmp_path / "halve.py", scaling_source())
        found = loaded(
            "mnist-5k,skill-5k", tmp_path, mitigation=str(path), settings=["factor=0.25"]
        )
        assert found.name == "halve (factor=0.25)"
        assert [one.mitigation.settings for _, one in found.scorings] == [{"factor": 0.25}] * 2
