"""Few-shot reading learns from a few labels, and only from them."""

import numpy as np
import pytest
import torch

from subliminal_bench.experiment import streams
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.reading.few_shot import few_shot_accuracy


def digits(images: int, spread: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ten clusters of hidden units, and which cluster each image is from."""
    generator = torch.manual_seed(seed)
    middles = 3 * torch.rand(10, 20, dtype=torch.float64, generator=torch.manual_seed(99))
    labels = torch.arange(images) % 10
    moved = spread * torch.randn(images, 20, dtype=torch.float64, generator=generator)
    return torch.relu(middles[labels] + moved), labels


def accuracy(spread: float, *, shuffled: bool = False) -> float:
    labelled, labels = digits(300, spread, 1)
    if shuffled:
        labels = labels[torch.randperm(300, generator=torch.manual_seed(7))]
    draws = streams.few_shot_draws(MNIST_5K, 1, labels)
    test, test_labels = digits(200, spread, 2)
    return float(few_shot_accuracy(labelled, labels, draws, test, test_labels, 10))


def test_it_finds_what_units_tell_and_nothing_in_labels_that_mean_nothing() -> None:
    assert accuracy(0.1) == 1.0
    assert 0.3 < accuracy(1.5) < 0.95
    assert abs(accuracy(1.5, shuffled=True) - 0.1) < 0.06


def test_it_is_the_mean_over_ridge_heads_in_their_primal_form() -> None:
    labelled, labels = digits(300, 1.5, 1)
    test, test_labels = digits(200, 1.5, 2)
    draws = streams.few_shot_draws(MNIST_5K, 1, labels)
    units = labelled.numpy()

    def features(hidden: torch.Tensor) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        scaled: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.clip(
            (hidden.numpy() - units.mean(0)) / units.std(0), -4, 4
        )
        return scaled

    right = []
    for draw in draws.numpy():
        drawn = features(labelled)[draw]
        aims = np.eye(10)[labels.numpy()[draw]]
        weight = np.linalg.solve(
            drawn.T @ drawn + 0.1 * 20 * np.eye(20), drawn.T @ (aims - aims.mean(0))
        )
        predicted = (features(test) @ weight).argmax(1)
        right.append((predicted == test_labels.numpy()).mean())
    found = few_shot_accuracy(labelled, labels, draws, test, test_labels, 10)
    assert float(found) == pytest.approx(np.mean(right), abs=1e-12)


def test_a_draw_takes_ten_of_each_class_and_draws_differ() -> None:
    labels = torch.arange(400) % 10
    draws = streams.few_shot_draws(MNIST_5K, 5, labels)
    assert draws.shape == (20, 100)
    assert torch.equal(labels[draws], torch.arange(10).repeat_interleave(10).expand(20, 100))
    assert len({tuple(draw.tolist()) for draw in draws}) == 20
    assert not torch.equal(draws, streams.few_shot_draws(MNIST_5K, 6, labels))


def test_a_class_with_few_images_gives_all_of_them() -> None:
    labels = torch.tensor([0] * 30 + [1] * 3)
    draws = streams.few_shot_draws(MNIST_5K, 1, labels)
    assert draws.shape == (20, 13)
    assert set(draws[0, 10:].tolist()) == {30, 31, 32}
