"""Plain distillation is read at an entry's KL, exactly at its own points and between them."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.statistics.values import Array
from tests.support.examples import many

kls = st.floats(1e-6, 1.0)
# A few repeated KLs, so that plateaus and rises occur in most examples.
coarse = st.integers(1, 8).map(lambda tick: tick / 1_000)
points = st.lists(st.tuples(kls | coarse, st.floats(0, 1)), min_size=1, max_size=12)


def arrays(path: list[tuple[float, float]]) -> tuple[Array, Array]:
    return np.array([kl for kl, _ in path]), np.array([value for _, value in path])


class TestAtEqualDistillation:
    @many
    @given(points)
    def test_a_point_that_distilled_more_than_all_before_it_is_read_exactly(
        self, path: list[tuple[float, float]]
    ) -> None:
        path_kl, values = arrays(path)
        lowest = math.inf
        for kl, value in path:
            if kl < lowest:
                found = statistics.at_equal_distillation(kl, path_kl, values)
                assert (float(found.values), found.beyond) == (value, "")
                lowest = kl

    @many
    @given(points, kls | coarse)
    def test_it_is_numpys_interpolation_over_the_points_that_count(
        self, path: list[tuple[float, float]], kl: float
    ) -> None:
        counted = [
            point
            for index, point in enumerate(path)
            if all(point[0] < earlier for earlier, _ in path[:index])
        ]
        path_kl, values = arrays(counted)
        expected = np.interp(-math.log(kl), -np.log(path_kl), values)
        found = statistics.at_equal_distillation(kl, *arrays(path))
        # Two KLs that differ in their last bits have the same logarithm.
        near = np.abs(np.log(path_kl / kl))
        assume(not ((near > 0) & (near < 1e-9)).any())
        assert float(found.values) == pytest.approx(float(expected), abs=1e-6)
        assert 0 <= float(found.values) <= 1 + 1e-12

    @many
    @given(points, kls)
    def test_beyond_the_ends_the_nearest_point_counts_and_it_is_said(
        self, path: list[tuple[float, float]], kl: float
    ) -> None:
        path_kl, values = arrays(path)
        found = statistics.at_equal_distillation(kl, path_kl, values)
        if kl > path_kl[0]:
            assert (float(found.values), found.beyond) == (values[0], "before")
        elif kl < path_kl.min():
            first = int(np.argmin(path_kl))
            assert (float(found.values), found.beyond) == (values[first], "after")
        else:
            assert found.beyond == ""

    @many
    @given(points, kls | coarse)
    def test_readers_are_read_side_by_side(
        self, path: list[tuple[float, float]], kl: float
    ) -> None:
        path_kl, values = arrays(path)
        together = statistics.at_equal_distillation(
            kl, path_kl, np.stack([values, 1 - values], axis=1)
        )
        alone = statistics.at_equal_distillation(kl, path_kl, values)
        assert together.values.shape == (2,)
        assert together.values[0] == float(alone.values)
        assert together.beyond == alone.beyond

    @many
    @given(points, kls | coarse, st.floats(0.01, 100))
    def test_the_unit_of_the_kl_does_not_matter(
        self, path: list[tuple[float, float]], kl: float, scale: float
    ) -> None:
        path_kl, values = arrays(path)
        # Scaling may round two nearby KLs to the same number.
        near = np.abs(np.log(np.divide.outer(np.r_[path_kl, kl], np.r_[path_kl, kl])))
        assume(not ((near > 0) & (near < 1e-9)).any())
        one = statistics.at_equal_distillation(kl, path_kl, values)
        other = statistics.at_equal_distillation(scale * kl, scale * path_kl, values)
        assert float(other.values) == pytest.approx(float(one.values), abs=1e-6)
        assert other.beyond == one.beyond

    def test_of_a_plateau_the_first_point_counts(self) -> None:
        path_kl = np.array([4e-3, 2e-3, 2e-3, 3e-3, 1e-3])
        values = np.array([0.1, 0.2, 0.7, 0.8, 0.4])
        found = statistics.at_equal_distillation(2e-3, path_kl, values)
        assert float(found.values) == 0.2
        # Halfway, in the logarithm, to the next point that counts.
        found = statistics.at_equal_distillation(math.sqrt(2) * 1e-3, path_kl, values)
        assert float(found.values) == pytest.approx(0.3)

    def test_neighbouring_floats_are_told_apart(self) -> None:
        high = 1e-3
        middle = float(np.nextafter(high, 0))
        low = float(np.nextafter(middle, 0))
        found = statistics.at_equal_distillation(
            middle, np.array([high, low]), np.array([0.0, 1.0])
        )
        assert 0 <= float(found.values) <= 1

    def test_the_path_is_not_changed_by_who_changes_what_was_read(self) -> None:
        values = np.array([[0.1, 0.2], [0.3, 0.4]])
        found = statistics.at_equal_distillation(1.0, np.array([1.0, 0.5]), values)
        found.values[0] = 9
        assert values[0, 0] == 0.1

    @pytest.mark.parametrize("wrong", [0.0, -1.0, math.inf, math.nan])
    def test_a_kl_without_a_logarithm_is_refused(self, wrong: float) -> None:
        with pytest.raises(ValueError, match="KL"):
            statistics.at_equal_distillation(wrong, np.ones(2), np.ones(2))
        with pytest.raises(ValueError, match="path KL"):
            statistics.at_equal_distillation(1.0, np.array([1.0, wrong]), np.ones(2))

    @pytest.mark.parametrize("shape", [(1,), (3,), (2, 2, 2), ()])
    def test_a_path_without_one_row_a_point_is_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="2 points"):
            statistics.at_equal_distillation(1.0, np.ones(2), np.ones(shape))

    def test_an_empty_path_and_a_value_that_is_not_finite_are_refused(self) -> None:
        with pytest.raises(ValueError, match="path KL"):
            statistics.at_equal_distillation(1.0, np.ones(0), np.ones(0))
        with pytest.raises(ValueError, match="not finite"):
            statistics.at_equal_distillation(1.0, np.ones(1), np.array([math.nan]))
