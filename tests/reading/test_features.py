"""Features have the scale that units have on some images, whatever the units' own scale."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.reading.features import Standardised


def units(seed: int = 0) -> torch.Tensor:
    generator = torch.manual_seed(seed)
    return torch.relu(torch.randn(400, 6, dtype=torch.float64, generator=generator))


@given(st.integers(0, 2**31), st.lists(st.floats(1e-6, 1e6), min_size=6, max_size=6))
def test_features_do_not_depend_on_the_units_scales(seed: int, scales: list[float]) -> None:
    hidden, factor = units(seed), torch.tensor(scales, dtype=torch.float64)
    plain = Standardised.over(hidden).of(hidden)
    scaled = Standardised.over(hidden * factor).of(hidden * factor)
    assert torch.allclose(plain, scaled, atol=1e-9)


def test_features_have_mean_0_and_sd_1_until_they_are_clipped() -> None:
    features = Standardised.over(units()).of(units())
    assert torch.allclose(features.mean(0), torch.zeros(6).double(), atol=0.02)
    assert torch.allclose(features.std(0, correction=0), torch.ones(6).double(), atol=0.03)


def test_a_rare_unit_and_a_dead_one_are_left_out() -> None:
    hidden = units()
    hidden[:, 2] = 0
    hidden[:, 4] = 0
    hidden[0, 4] = 1e6
    scale = Standardised.over(hidden)
    assert scale.used == 4
    assert scale.of(hidden)[:, [2, 4]].abs().max() == 0


def test_a_huge_value_is_clipped() -> None:
    scale = Standardised.over(units())
    assert scale.of(torch.full((1, 6), 1e9).double()).tolist() == [[4.0] * 6]
