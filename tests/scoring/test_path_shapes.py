"""The shape of a path: its halves, and how far two of them lie apart."""

import numpy as np
import pytest

from subliminal_bench.scoring.path_shapes import (
    WAY,
    PathShape,
    at_the_same_kl,
    on_the_way,
    path_shape,
)
from tests.support.runs import READINGS, make_run, unread

START, GAIN = READINGS["latent_accuracy"]


def shape(track: str, bend: float = 1.0, scale: float = 1.0) -> PathShape:
    """A path whose share is a power of the way."""
    nothing = np.zeros(len(WAY))
    kl = scale * np.geomspace(0.008, 0.001, len(WAY))
    return PathShape(track, 1, 0.4, kl, 0.3 * WAY**bend, nothing)


class TestShape:
    def test_a_path_that_is_straight_in_log_kl_has_its_half_in_the_middle(self) -> None:
        found = path_shape("here", make_run("baseline", [0.5, 0.5], kl_fresh=0.001))
        assert found
        assert (found.track, found.seeds) == ("here", 2)
        assert found.start == pytest.approx(START)
        assert found.ended == pytest.approx(GAIN)
        assert found.share == pytest.approx(WAY)
        assert found.half == pytest.approx(0.5)
        assert found.half_kl == pytest.approx(np.sqrt(0.009 * 0.001))
        assert found.seed_spread == pytest.approx(0, abs=1e-9)

    def test_seeds_are_averaged_where_they_have_come_equally_far(self) -> None:
        run = make_run("baseline", [0.3, 0.7], kl_fresh=[0.001, 0.004])
        found = path_shape("here", run)
        assert found
        assert found.kl[-1] == pytest.approx(0.002)
        assert found.ended == pytest.approx(GAIN * (0.5 - 0.09) / 0.41)
        assert found.share == pytest.approx(WAY)
        # Both seeds are straight, and one gains nearly three times what the other does.
        ends = np.array([0.21, 0.61]) / 0.41
        assert found.spread[-1] == pytest.approx(GAIN * ends.std(ddof=1))

    def test_a_bend_moves_the_half(self) -> None:
        assert shape("late", bend=2).half == pytest.approx(np.sqrt(0.5), abs=1e-3)
        assert shape("late", bend=2).half_kl < shape("straight").half_kl

    def test_there_is_none_without_a_path_or_without_a_gain(self) -> None:
        assert path_shape("here", unread(make_run("baseline", [0.5]))) is None
        assert path_shape("here", make_run("liminal", [0.5])) is None
        assert path_shape("here", make_run("baseline", [0.05])) is None
        assert path_shape("here", make_run("baseline", [None, 0.5]))


class TestApart:
    def test_the_same_curve_at_other_kls_is_one_curve_on_the_way_only(self) -> None:
        curves = [shape("one"), shape("other", scale=2)]
        way, kl = on_the_way(curves), at_the_same_kl(curves)
        assert way
        assert kl
        assert way.every == pytest.approx(0)
        assert (kl.low, kl.high) == pytest.approx((0.002, 0.008))
        # Shifted by a factor of 2 of the 8 that a way is long; each half as far from the mean.
        assert kl.every == pytest.approx(1 / 6)
        assert kl.of == pytest.approx({"one": 1 / 6, "other": 1 / 6})

    def test_the_distance_of_two_known_curves_is_found(self) -> None:
        found = on_the_way([shape("straight"), shape("late", bend=2)])
        assert found
        # Half the root of the integral of (w - w^2)^2, which is 1/30.
        assert found.every == pytest.approx(np.sqrt(1 / 30) / 2, rel=0.02)

    def test_one_curve_or_none_has_nothing_to_be_compared_with(self) -> None:
        assert on_the_way([]) is at_the_same_kl([]) is None
        assert on_the_way([shape("one")]) is at_the_same_kl([shape("one")]) is None

    def test_paths_without_a_common_kl_are_not_compared_at_one(self) -> None:
        curves = [shape("one"), shape("far", scale=100)]
        assert at_the_same_kl(curves) is None
        assert on_the_way(curves)
