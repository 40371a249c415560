"""The worst track and the performance profile of one setting on several tracks."""

from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from subliminal_bench.experiment.protocol import MNIST, Protocol
from subliminal_bench.experiment.tracks import BACKDOOR, NARROW, SKILL
from subliminal_bench.results.run import Run, write_run
from subliminal_bench.scoring import robust
from subliminal_bench.scoring.robust import (
    TOLERANCES,
    RobustScorecard,
    TrackRow,
    other_shares,
    performance_profile,
    share_on,
)
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from tests.support.capable import capable
from tests.support.judged import BASELINE, DROPS, LEVELS, dropped
from tests.support.runs import make_run

Levels = NDArray[np.float64]
SHARES = st.one_of(st.just(inf), st.floats(-0.5, 2))


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[float]]:
    """Entries' shares, each on as many tracks."""
    tracks = draw(st.integers(1, 6))
    rows = st.lists(SHARES, min_size=tracks, max_size=tracks)
    return draw(st.dictionaries(st.text(min_size=1, max_size=3), rows, min_size=1, max_size=5))


class TestProfile:
    @given(tables())
    def test_it_is_a_share_of_the_tracks_that_never_falls(
        self, shares: dict[str, list[float]]
    ) -> None:
        for row in performance_profile(shares).values():
            assert len(row) == len(TOLERANCES)
            assert all(0 <= one <= 1 for one in row)
            assert row == sorted(row)

    @given(tables())
    def test_on_every_track_that_can_be_judged_someone_is_the_best(
        self, shares: dict[str, list[float]]
    ) -> None:
        judged = sum(map(np.isfinite, map(min, zip(*shares.values(), strict=True))))
        tracks = len(next(iter(shares.values())))
        best = [row[0] for row in performance_profile(shares).values()]
        assert sum(best) >= judged / tracks - 1e-9
        assert max(best) >= (1 / tracks if judged else 0) - 1e-9

    @given(tables())
    def test_what_is_nowhere_judged_is_nowhere_near(
        self, shares: dict[str, list[float]]
    ) -> None:
        tracks = len(next(iter(shares.values())))
        found = performance_profile(shares | {"never judged": [inf] * tracks})
        assert set(found["never judged"]) == {0.0}
        # Who else is compared does not change by that.
        assert {name: found[name] for name in shares if name != "never judged"} == {
            name: row
            for name, row in performance_profile(shares).items()
            if name != "never judged"
        }

    @given(tables(), st.floats(-0.4, 0.4))
    def test_only_distances_count(self, shares: dict[str, list[float]], more: float) -> None:
        moved = {name: [one + more for one in row] for name, row in shares.items()}
        coarse = [0.0, 3.0]
        every = performance_profile(moved, coarse)
        assert {name: row[1] for name, row in every.items()} == {
            name: row[1] for name, row in performance_profile(shares, coarse).items()
        }

    def test_a_better_entry_pushes_others_away_from_the_best(self) -> None:
        alone = performance_profile({"one": [0.5, 0.5]}, [0.0, 0.2])
        beside = performance_profile({"one": [0.5, 0.5], "two": [0.4, 0.1]}, [0.0, 0.2])
        assert alone == {"one": [1.0, 1.0]}
        assert beside == {"one": [0.0, 0.5], "two": [1.0, 1.0]}

    def test_without_tracks_it_is_nothing(self) -> None:
        assert performance_profile({"one": []}, [0.0]) == {"one": [0.0]}


def card(drops: float | None, protocol: Protocol = MNIST) -> Scorecard:
    """A scorecard of an entry that lost so many times the usual."""
    if drops is None:
        return build_scorecard(BASELINE, {})
    return build_scorecard(dropped_by(drops, protocol), {"baseline": baseline(protocol)})


def made(name: str, traits: Levels, protocol: Protocol = MNIST) -> Run:
    make = capable if protocol.has_capable_base else make_run
    return make(name, list(traits), protocol=protocol)


def dropped_by(times: float, protocol: Protocol = MNIST) -> Run:
    return made("idea", LEVELS - times * DROPS, protocol)


def baseline(protocol: Protocol = MNIST) -> Run:
    return made("baseline", LEVELS, protocol)


BROKEN = build_scorecard(
    capable("idea", list(LEVELS - DROPS), skill=0.3), {"baseline": baseline(SKILL)}
)


def row(track: str, card: Scorecard | None, **others: float) -> TrackRow:
    return TrackRow(track, card, None if card else "no file", others)


class TestWorst:
    def test_it_is_where_least_is_prevented(self) -> None:
        rows = (row("a", card(2.0)), row("b", card(1.0)), row("c", card(1.5)))
        found = RobustScorecard("idea", rows)
        assert found.worst is rows[1]
        assert found.prevents_everywhere

    def test_damage_is_worse_than_anything(self) -> None:
        rows = (row("a", card(1.0)), row("skill", BROKEN), row("c", None))
        found = RobustScorecard("idea", rows)
        assert found.worst is rows[1]
        assert rows[1].share == inf
        assert rows[1].prevention is None
        assert not found.prevents_everywhere

    def test_a_track_that_could_not_be_run_is_told_apart(self) -> None:
        found = RobustScorecard("idea", (row("a", None), row("b", card(1.0))))
        assert [one.track for one in found.failed] == ["a"]
        assert found.worst is found.rows[1]
        assert not found.prevents_everywhere

    def test_nowhere_run_there_is_none(self) -> None:
        found = RobustScorecard("idea", (row("a", None), row("b", None)))
        assert found.worst is None
        assert found.profiles() == {"idea": [0.0] * len(TOLERANCES)}
        assert not found.prevents_everywhere

    def test_the_baseline_prevents_nothing_and_keeps_all(self) -> None:
        found = row("a", card(None))
        assert (found.share, found.prevention) == (1.0, 0.0)
        assert not RobustScorecard("baseline", (found,)).prevents_everywhere


class TestOthers:
    def test_only_entries_of_every_track_are_compared(self) -> None:
        rows = (
            row("a", card(1.0), everywhere=0.0, once=0.0, idea=0.0),
            row("b", card(1.0), everywhere=0.0, idea=0.0),
            row("c", None),
        )
        found = RobustScorecard("idea", rows).profiles()
        assert list(found) == ["idea", "everywhere"]
        assert found["everywhere"] == [1.0] * len(TOLERANCES)
        # Its own numbers are those of this run, not of a committed entry.
        assert found["idea"][0] == 0.0

    @pytest.mark.parametrize("protocol", [MNIST, SKILL, BACKDOOR], ids=lambda one: one.name)
    def test_they_are_scored_against_the_tracks_own_baseline(
        self, protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(robust, "entries_folder", lambda one, _: tmp_path / one.name)
        assert other_shares(protocol) == {}
        folder = tmp_path / protocol.name
        write_run(folder / "idea.json", dropped_by(1.0, protocol))
        # Nothing to compare with.
        assert other_shares(protocol) == {}
        write_run(folder / "baseline.json", baseline(protocol))
        found = other_shares(protocol)
        assert found == {"baseline": 1.0, "idea": share_on(card(1.0, protocol))}
        assert 0 < found["idea"] < 1

    def test_of_an_entry_with_other_seeds_only_common_ones_count(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(robust, "entries_folder", lambda one, _: tmp_path)
        write_run(tmp_path / "baseline.json", baseline().first(8))
        write_run(tmp_path / "idea.json", dropped_by(1.0))
        elsewhere = make_run("elsewhere", [0.3], first_seed=500)
        write_run(tmp_path / "elsewhere.json", elsewhere)
        found = other_shares(MNIST)
        expected = build_scorecard(dropped_by(1.0).first(8), {"baseline": baseline().first(8)})
        assert found == {"baseline": 1.0, "idea": share_on(expected)}

    def test_entries_of_another_version_of_the_track_do_not_count(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(robust, "entries_folder", lambda one, _: tmp_path)
        write_run(tmp_path / "baseline.json", baseline(NARROW))
        assert other_shares(MNIST) == {}


def test_the_largest_share_decides() -> None:
    found = card(1.0)
    assert found.verdict
    assert found.verdict.prevention
    assert share_on(found) == 1 - found.verdict.prevention.estimate
    assert share_on(build_scorecard(dropped(), {})) == 1.0
