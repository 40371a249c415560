"""Projection leaves sin squared of the angle of the first-order change."""

import math

import pytest
from torch import Tensor

from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.training import first_order
from subliminal_bench.training.first_order import ANGLES, FirstOrderChange, measure_first_order
from tests.conftest import PRECISE
from tests.support.plugins_for_tests import plugin


class TestAppendixB:
    def test_projection_leaves_sin_squared_of_the_angle(
        self, measured: list[FirstOrderChange]
    ) -> None:
        turned = [one for one in measured if one.direction == "turned"]
        assert {round(one.angle) for one in turned} == set(ANGLES)
        for one in turned:
            assert one.expected == pytest.approx(math.sin(math.radians(one.angle)) ** 2)
            assert one.ratio == pytest.approx(one.expected, abs=1e-6), one

    def test_a_trait_gradient_that_points_away_is_left_alone(
        self, measured: list[FirstOrderChange]
    ) -> None:
        away = [one for one in measured if one.angle > 90]
        assert all(one.ratio == 1 for one in away)

    def test_another_projection_is_found_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        load = load_mitigation

        def halved(spec: str) -> Mitigation:
            if spec != "projection":
                return load(spec)

            def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
                trait = step.trait_gradient()
                inner = (gradient * trait).sum(1, keepdim=True).clamp(min=0)
                return gradient - inner / (2 * (trait * trait).sum(1, keepdim=True)) * trait

            return Mitigation(
                (plugin("half", "trait-gradient", distill_gradient=distill_gradient),)
            )

        monkeypatch.setattr(first_order, "load_mitigation", halved)
        found = measure_first_order(PRECISE)
        steep = [one for one in found if one.angle < 60]
        assert all(abs(one.ratio - one.expected) > 0.1 for one in steep)
