"""The MLP 784-256-256-13 over flat parameters, with a leading student dimension.

All weights and biases of a student are in one row, so a gradient is a vector, and the same
batched product serves one student on a laptop and a hundred on a GPU.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from torch import Tensor

from subliminal_bench.experiment import streams
from subliminal_bench.experiment.linear import linear
from subliminal_bench.experiment.protocol import Protocol


@dataclass(frozen=True)
class Layout:
    """The position of each weight and bias in a flat row of parameters.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> layout(MNIST).parameters
    270093
    >>> layout(MNIST).names
    ('fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias', 'fc3.weight', 'fc3.bias')
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def sizes(self) -> list[int]:
        """The number of parameters in each part."""
        return [prod(shape) for shape in self.shapes]

    @property
    def parameters(self) -> int:
        """The number of parameters of one student."""
        return sum(self.sizes)

    def parts(self, flat: Tensor) -> tuple[Tensor, ...]:
        """Views of `[students, parameters]`, each `[students, *shape]`, in order."""
        return tuple(
            part.unflatten(1, shape)
            for part, shape in zip(flat.split(self.sizes, 1), self.shapes, strict=True)
        )

    @property
    def head(self) -> tuple[str, str]:
        """The names of the last layer's weight and bias, which have a row for each logit.

        >>> from subliminal_bench.experiment.protocol import MNIST
        >>> layout(MNIST).head
        ('fc3.weight', 'fc3.bias')
        """
        return self.names[-2], self.names[-1]

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """The same views by name.

        >>> from subliminal_bench.experiment.protocol import MNIST
        >>> layout(MNIST).named(torch.zeros(2, 270093))["fc3.weight"].shape
        torch.Size([2, 13, 256])
        """
        return dict(zip(self.names, self.parts(flat), strict=True))


def layout(protocol: Protocol) -> Layout:
    """The layout of the protocol's model."""
    names: list[str] = []
    shapes: list[tuple[int, ...]] = []
    for i, (inputs, outputs) in enumerate(pairwise(protocol.widths), start=1):
        names += [f"fc{i}.weight", f"fc{i}.bias"]
        shapes += [(outputs, inputs), (outputs,)]
    return Layout(tuple(names), tuple(shapes))


def initial_parameters(
    protocol: Protocol, seeds: tuple[int, ...], device: torch.device
) -> Tensor:
    """The initialisation that teacher and student share, `[students, parameters]`."""
    rows = [
        torch.cat([part.flatten() for part in streams.initialisation(protocol, seed)])
        for seed in seeds
    ]
    return torch.stack(rows).to(device, protocol.dtype)


def forward(shape: Layout, parameters: Tensor, images: Tensor) -> Tensor:
    """The logits of every student on its images.

    Args:
        shape: the model's layout.
        parameters: `[students, parameters]`.
        images: `[students, images, pixels]`, or `[images, pixels]` shown to all.

    Returns:
        `[students, images, logits]`; differentiable in `parameters` and `images`.
    """
    return activations(shape, parameters, images)[-1]


def activations(shape: Layout, parameters: Tensor, images: Tensor) -> tuple[Tensor, ...]:
    """The hidden layers after their ReLU, and the logits."""
    *lower, weight, bias = shape.parts(parameters)
    if images.dim() == 2:
        images = images.expand(len(parameters), *images.shape)
    found = [images]
    for own in zip(lower[::2], lower[1::2], strict=True):
        found.append(linear(found[-1], *own, relu=True))
    return *found[1:], linear(found[-1], weight, bias)
