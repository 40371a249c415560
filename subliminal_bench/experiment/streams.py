"""Random streams: they make seed s the same as in the published runs.

Every function here is a pure function of the protocol and the seed. `docs/protocol.md`
describes the streams; tests compare each with torch's own DataLoader, Linear and Generator.
"""

from itertools import pairwise

import torch
from torch import Tensor

from subliminal_bench.experiment import mersenne_twister
from subliminal_bench.experiment.noise_kinds import of_kind
from subliminal_bench.experiment.protocol import Protocol

# Seeds of the readers' streams, relative to the run's seed. They are no part of the protocol's
# fingerprint: no student depends on them.
READING_NOISE_OFFSET = 600
FEW_SHOT_OFFSET = 700
# Another order of plain distillation's data, with which a reader's steadiness is measured.
OTHER_ORDER_OFFSET = 800
# A start that is moved, on the tracks that have one.
START_NOISE_OFFSET = 900
# The base's order of images.
BASE_ORDER_OFFSET = 300
# Heads that a few-shot reader fits, and the images of each class that a head is fitted to.
DRAWS = 20
SHOTS = 10


def split(protocol: Protocol, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the teacher, audit and test images.

    Teacher and audit images are taken from one permutation, in this order. The test part is
    empty if the digits have their own test set.

    Returns:
        Three int64 tensors `[images]`, indices into the images that the split is drawn from.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> [len(part) for part in split(MNIST, 1)]
    [50000, 10000, 0]
    """
    drawn_test = protocol.test_images if protocol.digits == "mnist-5k" else 0
    sizes = [protocol.teacher_images, protocol.audit_images, drawn_test]
    generator = torch.Generator().manual_seed(seed)
    teacher, audit, test = torch.randperm(sum(sizes), generator=generator).split(sizes)
    return teacher, audit, test


def orders(seed: int, images: int, epochs: int, skipped: int = 0) -> Tensor:
    """The order of the images in each epoch of a shuffling DataLoader.

    An epoch draws one int64 (the loader's base seed), the order, and at its end one more
    permutation that is never used: without it, all epochs after the first would change.

    Args:
        seed: the seed of the stream's generator.
        images: number of images in the data set.
        epochs: number of epochs to return.
        skipped: number of whole epochs that were read before.

    Returns:
        int64 `[epochs, images]`.

    >>> orders(101, images=4, epochs=2).shape
    torch.Size([2, 4])
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for _ in range(skipped + epochs):
        torch.empty((), dtype=torch.int64).random_(generator=generator)
        drawn.append(torch.randperm(images, generator=generator))
        torch.randperm(images, generator=generator)
    return torch.stack(drawn[skipped:]) if epochs else torch.empty(0, images, dtype=torch.int64)


def initialisation(protocol: Protocol, seed: int) -> list[Tensor]:
    """Weights and biases of the initialisation that teacher and student share.

    Weights are normal with standard deviation 1/sqrt(fan_in), biases are 0. The layers are
    first built as usual, because building them draws from the same generator.

    Returns:
        `[weight, bias]` of each layer in turn, `[outputs, inputs]` and
        `[outputs]`. The global generator is unchanged.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> [tuple(part.shape) for part in initialisation(MNIST, 1)]
    [(256, 784), (256,), (256, 256), (256,), (13, 256), (13,)]
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        layers = [
            torch.nn.Linear(inputs, outputs) for inputs, outputs in pairwise(protocol.widths)
        ]
        for layer in layers:
            layer.weight.normal_(0.0, layer.in_features**-0.5)
            layer.bias.zero_()
    return [part.detach() for layer in layers for part in (layer.weight, layer.bias)]


def noise(
    protocol: Protocol,
    seed: int,
    first: int = 0,
    images: int | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Noise images, each from its own generator.

    Uniform on [-1, 1) by default; other kinds are made of these (`noise_kinds.py`). Image i is
    `torch.rand(784, generator=g) * 2 - 1`, where the seed of g is
    `(seed + 400) * 1_000_000 + i`.

    Args:
        protocol: the experiment.
        seed: the run's seed.
        first: index of the first image.
        images: how many; by default as many as the protocol trains on.
        device: where to make them; uniform ones are bit-identical on every device.

    Returns:
        `[images, pixels]`, drawn in float32.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> g = torch.Generator().manual_seed(401_000_007)
    >>> torch.equal(noise(MNIST, 1, 7, 1)[0], torch.rand(784, generator=g) * 2 - 1)
    True
    """
    count = protocol.noise_images if images is None else images
    start = (seed + protocol.noise_offset) * protocol.noise_stride + first
    rows = torch.empty(count, protocol.pixels, device=device)
    if rows.device.type == "cpu":
        generator = torch.Generator()
        for i, row in enumerate(rows):
            torch.rand(protocol.pixels, generator=generator.manual_seed(start + i), out=row)
    else:
        mersenne_twister.fill_uniform(rows, first_seed=start)
    return of_kind(protocol.noise, rows.mul_(2).sub_(1))


def reading_noise(protocol: Protocol, seed: int, images: int) -> Tensor:
    """The noise that readers put behind the test images, of the kind that is trained on.

    Returns:
        float32 `[images, pixels]`, from one generator.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> g = torch.Generator().manual_seed(601)
    >>> torch.equal(reading_noise(MNIST, 1, 2), torch.rand(2, 784, generator=g) * 2 - 1)
    True
    """
    generator = torch.Generator().manual_seed(seed + READING_NOISE_OFFSET)
    rows = torch.rand(images, protocol.pixels, generator=generator).mul_(2).sub_(1)
    return of_kind(protocol.noise, rows)


def start_noise(protocol: Protocol, seed: int, parameters: int) -> Tensor:
    """What is added to the weights that a student starts from, normal with the protocol's SD.

    Returns:
        float32 `[parameters]`; zeros on all tracks but those that move the start.
    """
    generator = torch.Generator().manual_seed(seed + START_NOISE_OFFSET)
    return torch.randn(parameters, generator=generator).mul_(protocol.start_noise)


def few_shot_draws(protocol: Protocol, seed: int, labels: Tensor) -> Tensor:
    """The labelled images that few-shot readers are fitted to, draw by draw.

    A draw is one permutation of the images; it takes the first `SHOTS` of each class in it.

    Args:
        protocol: the experiment.
        seed: the run's seed.
        labels: of the images to draw from, places among the trait's, int64 `[images]`.

    Returns:
        Positions among the images, int64 `[draws, drawn]`, the trait's first class first. Of a
        class with fewer images than `SHOTS`, every draw takes as many as there are.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> few_shot_draws(MNIST, 1, torch.arange(10).repeat(12)).shape
    torch.Size([20, 100])
    """
    generator = torch.Generator().manual_seed(seed + FEW_SHOT_OFFSET)
    draws, classes = [], len(protocol.trait_task.classes)
    for _ in range(DRAWS):
        order = torch.randperm(len(labels), generator=generator)
        drawn = labels[order]
        draws.append(torch.cat([order[drawn == one][:SHOTS] for one in range(classes)]))
    return torch.stack(draws)
