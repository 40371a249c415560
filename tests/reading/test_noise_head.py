"""The head that is fitted on noise is a ridge regression with a free bias."""

import numpy as np
import torch

from subliminal_bench.reading.noise_head import NoiseHead


def fitted() -> tuple[torch.Tensor, torch.Tensor, NoiseHead]:
    generator = torch.manual_seed(3)
    hidden = torch.relu(torch.randn(500, 8, dtype=torch.float64, generator=generator))
    targets = hidden @ torch.randn(8, 10, dtype=torch.float64, generator=generator) + 5
    targets += torch.randn(500, 10, dtype=torch.float64, generator=generator)
    return hidden, targets, NoiseHead.fitted(hidden, targets)


def test_it_is_the_ridge_solution_that_numpy_finds() -> None:
    hidden, targets, head = fitted()
    units, wanted = hidden.numpy(), targets.numpy()
    features = np.clip((units - units.mean(0)) / units.std(0), -4, 4)
    middle = features.mean(0)
    # Ridge as least squares with extra rows that ask for small weights.
    rows = np.vstack([features - middle, np.sqrt(1e-3 * len(units)) * np.eye(8)])
    aims = np.vstack([wanted - wanted.mean(0), np.zeros((8, 10))])
    weight = np.linalg.lstsq(rows, aims, rcond=None)[0]
    expected = (features - middle) @ weight + wanted.mean(0)
    assert np.allclose(head.logits(hidden).numpy(), expected, atol=1e-10)


def test_what_it_explains_is_r_squared() -> None:
    hidden, targets, head = fitted()
    missed = ((head.logits(hidden) - targets) ** 2).sum() / (
        (targets - targets.mean(0)) ** 2
    ).sum()
    assert torch.isclose(head.explained(hidden, targets), 1 - missed)
    # Adding a constant to each class explains nothing more or less.
    moved = targets + torch.arange(10)
    assert NoiseHead.fitted(hidden, moved).explained(hidden, moved).isclose(1 - missed)


def test_units_that_say_nothing_give_the_mean() -> None:
    _, targets, _ = fitted()
    head = NoiseHead.fitted(torch.zeros(500, 8).double(), targets)
    assert torch.allclose(head.logits(torch.ones(2, 8).double()), targets.mean(0).expand(2, 10))
