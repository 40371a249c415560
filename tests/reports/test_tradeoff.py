"""The front holds what no entry beats, and nothing that breaks students."""

import pytest

from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.reports.tradeoff import tradeoff_of
from subliminal_bench.scoring.scorecard import Scorecard
from tests.support.reported import LEVELS, make_card
from tests.support.runs import make_run


class TestTradeoff:
    def test_what_breaks_students_is_shown_but_on_no_front(self, card: Scorecard) -> None:
        found = tradeoff_of([card], [])
        assert [point.scored for point in found.points] == [True, False, False, False]
        by_name = {point.label.split()[0]: point for point in found.points}
        assert not by_name["projection"].is_ranked
        (front,) = found.fronts
        # The same KL and less trait: nothing else is left on the front.
        assert "projection" not in [point.label for point in front]
        assert by_name["baseline"].ratio == 1
        assert by_name["idea"].difference == pytest.approx(-0.0612, abs=0.01)

    def test_entries_of_other_seeds_stand_against_their_own_baseline(self) -> None:
        short = make_card(make_run("idea", list(LEVELS[:7] - 0.1), protocol=MNIST_5K))
        point = tradeoff_of([short], []).points[0]
        assert point.difference == pytest.approx(-0.1)
