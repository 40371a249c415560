"""The random streams against torch's own objects."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from subliminal_bench.experiment import mersenne_twister, streams
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(1, 5000),
    images=st.integers(1, 40),
    batch=st.integers(1, 17),
    epochs=st.integers(1, 5),
)
def test_orders_are_those_of_a_shuffling_data_loader(
    seed: int, images: int, batch: int, epochs: int
) -> None:
    loader = DataLoader(
        TensorDataset(torch.arange(images)),
        batch_size=batch,
        shuffle=True,
        generator=torch.Generator().manual_seed(seed),
    )
    read = [torch.cat([part for (part,) in loader]) for _ in range(epochs)]
    assert torch.equal(streams.orders(seed, images, epochs), torch.stack(read))


@given(seed=st.integers(1, 100), skipped=st.integers(0, 4))
def test_skipped_epochs_are_used_up(seed: int, skipped: int) -> None:
    whole = streams.orders(seed, 10, epochs=6)
    assert torch.equal(streams.orders(seed, 10, 6 - skipped, skipped), whole[skipped:])


def test_the_initialisation_is_that_of_layers_built_the_ordinary_way() -> None:
    torch.manual_seed(7)
    layers = [nn.Linear(784, 256), nn.Linear(256, 256), nn.Linear(256, 13)]
    for layer in layers:
        nn.init.normal_(layer.weight, 0.0, layer.in_features**-0.5)
        nn.init.zeros_(layer.bias)
    expected = [part for layer in layers for part in layer.parameters()]
    found = streams.initialisation(MNIST, 7)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_split_shares_out_every_image_once() -> None:
    for protocol, total in ((MNIST, 60_000), (MNIST_5K, 5_000)):
        parts = torch.cat(streams.split(protocol, 11))
        assert torch.equal(parts.sort().values, torch.arange(total))


def test_splits_differ_between_seeds() -> None:
    assert not torch.equal(streams.split(MNIST, 1)[0], streams.split(MNIST, 2)[0])


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(1, MNIST.highest_seed),
    first=st.integers(0, 69_990),
    images=st.integers(1, 5),
)
def test_noise_is_one_generator_an_image(seed: int, first: int, images: int) -> None:
    start = (seed + 400) * 1_000_000 + first
    expected = [
        torch.rand(784, generator=torch.Generator().manual_seed(start + i)) * 2 - 1
        for i in range(images)
    ]
    assert torch.equal(streams.noise(MNIST, seed, first, images), torch.stack(expected))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 10), rows=st.integers(1, 4), numbers=st.integers(1, 1300))
def test_the_written_out_twister_draws_the_bits_of_torch(
    seed: int, rows: int, numbers: int
) -> None:
    filled = torch.empty(rows, numbers)
    mersenne_twister.fill_uniform(filled, seed)
    expected = [
        torch.rand(numbers, generator=torch.Generator().manual_seed(seed + i))
        for i in range(rows)
    ]
    assert torch.equal(filled, torch.stack(expected))


def test_the_highest_seed_is_the_last_with_noise_of_its_own() -> None:
    def last_generator(seed: int) -> int:
        images = MNIST.noise_images + MNIST.fresh_noise_images
        return (seed + MNIST.noise_offset) * MNIST.noise_stride + images - 1

    assert last_generator(MNIST.highest_seed) < 2**32 <= last_generator(MNIST.highest_seed + 1)
