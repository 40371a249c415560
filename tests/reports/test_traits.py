"""The pictures of the trait show every seed, and plain distillation's way to its end."""

from collections.abc import Sequence

import numpy as np
import pytest

from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.reports import traits
from subliminal_bench.reports.drawings import DescribedFigure
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from tests.support.reported import LEVELS, make_card
from tests.support.runs import make_run, unread


def shown(drawn: DescribedFigure | None) -> DescribedFigure:
    assert drawn
    return drawn


def points(drawn: DescribedFigure) -> list[tuple[Sequence[float], Sequence[float]]]:
    """The places of each group of points, in the order in which they were drawn."""
    (axes,) = drawn.figure.axes
    return [
        (np.array(line.get_xdata()).tolist(), np.array(line.get_ydata()).tolist())
        for line in axes.get_lines()
        if line.get_marker() not in ("", "None", None)
    ]


def legend(drawn: DescribedFigure) -> list[str]:
    (found,) = drawn.figure.legends
    return [text.get_text() for text in found.get_texts()]


class TestEverySeed:
    def test_every_student_is_a_point_beside_the_other_models(self, card: Scorecard) -> None:
        drawn = shown(traits.every_seed(card))
        ours = card.columns[0].values
        across, up = points(drawn)[-1]
        assert across == pytest.approx(100 * ours[EXPRESSED])
        assert up == pytest.approx(100 * ours[LATENT])
        assert legend(drawn) == [
            *("untrained", "teachers", "plain distillation's end", "idea", "ceiling"),
        ]
        assert all(len(group[0]) == 10 for group in points(drawn))

    def test_the_ceiling_is_a_line_at_its_mean(self, card: Scorecard) -> None:
        (axes,) = shown(traits.every_seed(card)).figure.axes
        (line,) = [line for line in axes.get_lines() if line.get_marker() == "None"]
        assert np.array(line.get_xdata()) == pytest.approx([92, 92])

    def test_a_diverged_student_has_no_point_and_is_counted(self) -> None:
        lost = make_card(make_run("idea", [None, *LEVELS[1:]], protocol=MNIST_5K))
        drawn = shown(traits.every_seed(lost))
        assert len(points(drawn)[-1][0]) == 9
        assert "1 of idea's students diverged and have no point." in drawn.description

    def test_what_was_not_read_in_the_body_has_no_picture(self) -> None:
        old = make_card(unread(make_run("idea", list(LEVELS - 0.1), protocol=MNIST_5K)))
        assert traits.every_seed(old) is None


class TestAgainstKl:
    @pytest.mark.parametrize("name", traits.TRAITS)
    def test_every_run_has_its_seeds_and_their_mean(self, name: str, card: Scorecard) -> None:
        drawn = shown(traits.against_kl(card, name))
        assert legend(drawn) == [*card.names, "plain distillation's path"]
        found = points(drawn)
        assert [len(group[0]) for group in found] == [10, 1] * len(card.names)
        ours = card.columns[0].values
        assert found[-2][1] == pytest.approx(100 * ours[name])
        assert found[-1][1] == pytest.approx([100 * ours[name].mean()])
        assert found[-1][0] == pytest.approx([1e3 * ours["kl_fresh"].mean()])

    def test_the_axis_of_the_kl_is_logarithmic(self, card: Scorecard) -> None:
        (axes,) = shown(traits.against_kl(card, LATENT)).figure.axes
        assert axes.get_xscale() == "log"
        assert axes.get_yscale() == "linear"

    def test_the_path_is_what_the_verdict_compares_with(self, card: Scorecard) -> None:
        (axes,) = shown(traits.against_kl(card, LATENT)).figure.axes
        line = axes.get_lines()[0]
        kl, mean = np.array(line.get_xdata()), np.array(line.get_ydata())
        assert card.equal
        at = 1e3 * card.columns[0].values["kl_fresh"][0]
        drawn = np.interp(-np.log(at), -np.log(kl), mean)
        assert drawn == pytest.approx(100 * card.equal.plain(LATENT), abs=0.2)

    def test_a_baseline_without_paths_has_no_picture(self) -> None:
        plain = unread(make_run("baseline", list(LEVELS), protocol=MNIST_5K))
        idea = make_run("idea", list(LEVELS), protocol=MNIST_5K)
        old = build_scorecard(idea, {"baseline": plain})
        assert traits.against_kl(old, LATENT) is None

    def test_one_seed_is_drawn_too(self) -> None:
        single = make_card(make_run("idea", [0.3], protocol=MNIST_5K))
        assert traits.against_kl(single, EXPRESSED)
