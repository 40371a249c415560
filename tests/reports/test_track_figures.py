"""The figures of tracks show every row, and say in words what they show."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from subliminal_bench.experiment.tracks import AUXILIARY_10, FASHION, SKILL
from subliminal_bench.reports import track_figures
from subliminal_bench.results.store import Store
from subliminal_bench.scoring.finished_tracks import scored_on_tracks
from subliminal_bench.scoring.robust import RobustScorecard, TrackRow, against_baseline
from tests.support.runs import make_run
from tests.support.tracks import built_in, fill, idea_on, references_on

TRACKS = (SKILL, AUXILIARY_10)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> RobustScorecard:
    """`idea` on two tracks, and a third one that is missing."""
    root = tmp_path_factory.mktemp("store")
    for track in TRACKS:
        fill(root, *references_on(track), idea_on(track, 0.25 if track is SKILL else 0.1))
    (found,) = scored_on_tracks([idea_on(SKILL)], [*TRACKS, FASHION], Store(root), Path("none"))
    return found


def points(axes: Axes) -> dict[float, list[float]]:
    """The places of the round points in a panel, by row."""
    found: dict[float, list[float]] = {}
    for line in axes.get_lines():
        if line.get_marker() == "o":
            (across,), (row,) = np.array(line.get_xdata()), np.array(line.get_ydata())
            found.setdefault(float(row), []).append(float(across))
    return found


class TestTracks:
    def test_a_row_has_its_prevention_kl_skill_and_word(self, card: RobustScorecard) -> None:
        drawn = track_figures.tracks(card)
        assert drawn
        prevented, distilled, kept, said = drawn.figure.axes
        labels = [label.get_text() for label in prevented.get_yticklabels()]
        assert labels == ["skill", "auxiliary-10", "fashion"]
        assert [text.get_text() for text in said.texts] == ["mitigates", "mitigates", "missing"]
        expected = {
            place: [pytest.approx(100 * row.prevention)]
            for place, row in enumerate(card.rows)
            if row.prevention is not None
        }
        assert points(prevented) == expected
        assert points(distilled) == {0: [pytest.approx(1)], 1: [pytest.approx(1)]}
        # Only a capable base has a skill.
        assert points(kept) == {0: [pytest.approx(96)]}

    def test_it_says_the_same_in_words(self, card: RobustScorecard) -> None:
        drawn = track_figures.tracks(card)
        assert drawn
        first, second, last = drawn.description.removesuffix(".").split(". ")
        assert first.startswith("skill: mitigates, prevention ")
        assert first.endswith("KL ratio 1.00, skill 96.0 % of the base's 97.0 %")
        assert second.endswith("KL ratio 1.00")
        assert last == "fashion: missing"

    def test_an_interval_that_goes_on_beyond_the_edge_ends_in_an_arrow(self) -> None:
        plain = built_in("baseline", SKILL)
        idea = make_run("idea", [0.01, 0.35] * 4, protocol=SKILL)
        row = TrackRow("skill", against_baseline(idea, plain), None, {})
        drawn = track_figures.tracks(RobustScorecard("idea", (row,)))
        assert drawn
        lines = drawn.figure.axes[0].get_lines()
        assert row.card
        assert row.card.verdict
        assert row.card.verdict.prevention
        assert row.card.verdict.prevention.high > 1.05
        assert [line.get_marker() for line in lines].count(">") == 1
        assert max(np.max(np.array(line.get_xdata())) for line in lines) <= 105

    def test_what_ran_nowhere_has_no_figure(self) -> None:
        row = TrackRow("skill", None, "no finished run", {})
        assert track_figures.tracks(RobustScorecard("idea", (row,))) is None

    def test_the_references_own_row_has_no_verdict(self) -> None:
        row = TrackRow("skill", against_baseline(*[built_in("baseline", SKILL)] * 2), None, {})
        drawn = track_figures.tracks(RobustScorecard("baseline", (row,)))
        assert drawn
        assert drawn.description == "skill: reference, skill 96.0 % of the base's 97.0 %."

    @pytest.mark.parametrize(
        ("low", "high"), [(0.8, 1.3), (0.4, 30), (1e-4, 1.3), (0.8, 1e5), (0.97, 2.1)]
    )
    def test_numbers_at_the_axis_of_ratios_stand_apart(self, low: float, high: float) -> None:
        ticks = track_figures._ticks(low, high)
        assert 1 in ticks
        assert low < min(ticks) <= max(ticks) < high
        gaps = np.diff(np.log(ticks)) / np.log(high / low)
        assert (gaps > 0.2).all()


class TestProfile:
    def test_every_entry_is_a_step_curve_that_agrees_with_its_profile(
        self, card: RobustScorecard
    ) -> None:
        drawn = track_figures.profile(card)
        assert drawn
        (axes,) = drawn.figure.axes
        lines = {str(line.get_label()): line for line in axes.get_lines()}
        assert lines.keys() == {"idea", "baseline", "projection", "liminal"}
        # Drawn last, on top.
        assert [*lines][-1] == "idea"
        for name, shares in card.profiles().items():
            assert lines[name].get_drawstyle() == "steps-post"
            heights = np.array(lines[name].get_ydata())
            assert heights[[0, 5, 10, 20, 50]] == pytest.approx(100 * np.array(shares))
        assert "Of 2 tracks" in drawn.description

    def test_other_entries_share_one_look_and_one_line_of_the_legend(
        self, card: RobustScorecard
    ) -> None:
        rows = tuple(
            TrackRow(row.track, row.card, row.failed, {**row.others, "one": 0.2, "two": 0.3})
            for row in card.rows
        )
        drawn = track_figures.profile(RobustScorecard("idea", rows))
        assert drawn
        (legend,) = drawn.figure.legends
        labels = [text.get_text() for text in legend.get_texts()]
        assert labels.count("other entries") == 1
        assert "two" not in labels
        assert "two " in drawn.description

    def test_without_other_entries_or_with_too_few_seeds_there_is_none(
        self, card: RobustScorecard
    ) -> None:
        alone = tuple(TrackRow(row.track, row.card, row.failed, {}) for row in card.rows)
        assert track_figures.profile(RobustScorecard("idea", alone)) is None
        few = against_baseline(idea_on(SKILL).first(3), built_in("baseline", SKILL).first(3))
        row = TrackRow("skill", few, None, {"baseline": 1.0})
        assert track_figures.profile(RobustScorecard("idea", (row,))) is None
