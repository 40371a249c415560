"""The front holds what no entry beats; what has no prevention is left out, and named."""

import pytest

from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.reports.tradeoff import tradeoff_of
from subliminal_bench.scoring.scorecard import Scorecard
from tests.support.reported import LEVELS, make_card
from tests.support.runs import make_run, unread


class TestTradeoff:
    def test_a_point_is_the_prevention_at_equal_distillation(self, card: Scorecard) -> None:
        found = tradeoff_of([card], [])
        by_name = {point.label.split()[0]: point for point in found.points}
        assert [name for name, point in by_name.items() if point.scored] == ["idea"]
        assert by_name["baseline"].ratio == 1
        assert by_name["baseline"].prevention == 0
        assert card.verdict
        assert card.verdict.prevention
        assert by_name["idea"].prevention == card.verdict.prevention.estimate
        assert by_name["idea"] in found.fronts[0]

    def test_what_breaks_students_has_no_point_and_is_named(self) -> None:
        broken = make_card(make_run("idea", [0.0] * 10, protocol=MNIST_5K))
        found = tradeoff_of([broken], [])
        assert found.left_out["suppresses by damage"][0] == "idea"
        assert "idea" not in [point.label for point in found.points]

    def test_what_was_not_read_in_the_body_has_no_point_and_is_named(self) -> None:
        old = make_card(unread(make_run("idea", list(LEVELS - 0.1), protocol=MNIST_5K)))
        found = tradeoff_of([old], [])
        assert found.left_out["not read in the body"] == ["idea"]
        assert "idea" not in [point.label for point in found.points]

    def test_entries_of_other_seeds_stand_against_their_own_baseline(self) -> None:
        short = make_card(make_run("idea", list(LEVELS[:7] - 0.1), protocol=MNIST_5K))
        point = tradeoff_of([short], []).points[0]
        gains = LEVELS[:7] - 0.09
        assert point.prevention == pytest.approx(0.1 / gains.mean())
