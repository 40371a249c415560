"""Images for the trait gradient: plain, or packed for a CPU.

Four fifths of a handwritten digit are background. Packed images form chunks of similar digits.
In each chunk, only the pixels that are bright in many images go through a matrix product;
pixels that are bright in few images are added one by one, and the others are left out. The
result is the same sum in another order.
"""

from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from subliminal_bench.experiment.linear import linear, summed_in_bfloat16

# Images whose activations are in memory at once: few enough for the processor's cache.
_CHUNK = 2048
# A pixel that is bright in a smaller share of a chunk's images is cheaper one by one.
_RARE = 0.1


@dataclass(frozen=True)
class FirstLayer:
    """The first layer's parameters, in the forms that images need.

    Attributes:
        weight: `[students, hidden, pixels]`.
        bias: `[students, hidden]`.
    """

    weight: Tensor
    bias: Tensor

    @cached_property
    def by_pixel(self) -> Tensor:
        """The weight `[students, pixels, hidden]`."""
        return self.weight.transpose(1, 2).contiguous()

    @cached_property
    def on_background(self) -> Tensor:
        """The output for an image of background only, -1 everywhere: `[students, hidden]`."""
        return self.bias - self.weight.sum(-1)


class ImageChunk(Protocol):
    """A chunk of every student's images, with labels int64 `[students, images]`."""

    @property
    def labels(self) -> Tensor:
        """Classes, int64 `[students, images]`."""

    def hidden(self, layer: FirstLayer) -> Tensor:
        """The first hidden layer after its ReLU, `[students, images, hidden]`."""

    def add_gradient(self, at_hidden: Tensor, into: Tensor) -> None:
        """Add the first weight's gradient to `into`, `[students, hidden, pixels]`."""

    def summed(self, at_outputs: Tensor, inputs: Tensor) -> Tensor:
        """Another weight's gradient, `at_outputs.T @ inputs` of each student."""


@dataclass(frozen=True)
class PlainImages:
    """Images that are not packed, `[students, images, pixels]`."""

    images: Tensor
    labels: Tensor

    def hidden(self, layer: FirstLayer) -> Tensor:
        """The first hidden layer after its ReLU, `[students, images, hidden]`."""
        return linear(self.images, layer.weight, layer.bias, relu=True)

    def add_gradient(self, at_hidden: Tensor, into: Tensor) -> None:
        """Add the first weight's gradient to `into`, `[students, hidden, pixels]`."""
        into.add_(summed(at_hidden, self.images))

    def summed(self, at_outputs: Tensor, inputs: Tensor) -> Tensor:
        """Another weight's gradient, `at_outputs.T @ inputs` of each student."""
        return summed(at_outputs, inputs)


def plain_images(images: Tensor, labels: Tensor) -> list[PlainImages]:
    """Every student's images in chunks.

    Args:
        images: `[students, images, pixels]`.
        labels: int64 `[students, images]`.
    """
    return [
        PlainImages(*chunk)
        for chunk in zip(images.split(_CHUNK, 1), labels.split(_CHUNK, 1), strict=True)
    ]


def summed(at_outputs: Tensor, inputs: Tensor) -> Tensor:
    """Each student's `at_outputs.T @ inputs`, in the operands' own precision."""
    return linear(at_outputs.transpose(1, 2), inputs.transpose(1, 2))


@dataclass(frozen=True)
class _Sparse:
    """A matrix of which only the nonzero values are stored, row by row."""

    columns: Tensor
    offsets: Tensor
    values: Tensor

    @staticmethod
    def of(matrix: Tensor) -> "_Sparse":
        rows, columns = matrix.nonzero(as_tuple=True)
        counts = torch.bincount(rows, minlength=len(matrix))
        return _Sparse(columns, counts.cumsum(0) - counts, matrix[rows, columns])

    def times(self, other: Tensor) -> Tensor:
        return functional.embedding_bag(
            self.columns, other, self.offsets, mode="sum", per_sample_weights=self.values
        )


@dataclass(frozen=True)
class PackedImages:
    """One student's images without their background: brightness is an image plus 1.

    Attributes:
        labels: int64 `[1, images]`.
        common: pixels that are bright in many images, `[some pixels]`.
        brightness: of the common pixels, `[1, images, some pixels]`.
        turned: the same transposed, `[1, some pixels, images]`: a product with its rows is
            faster. It is bfloat16, from 0 to 255, if gradients are summed from bfloat16.
        rare: pixels that are bright in few images, `[other pixels]`.
        by_image: brightness of the rare pixels, one row per image.
        by_pixel: the same, one row per pixel.
    """

    labels: Tensor
    common: Tensor
    brightness: Tensor
    turned: Tensor
    rare: Tensor
    by_image: _Sparse
    by_pixel: _Sparse

    def hidden(self, layer: FirstLayer) -> Tensor:
        """The first hidden layer after its ReLU, `[1, images, hidden]`."""
        weight = layer.by_pixel[0]
        common = weight.index_select(0, self.common).T.unsqueeze(0)
        hidden = linear(self.brightness, common, layer.on_background)
        hidden[0] += self.by_image.times(weight.index_select(0, self.rare))
        return hidden.relu_()

    def add_gradient(self, at_hidden: Tensor, into: Tensor) -> None:
        """Add the first weight's gradient to `into`, `[1, hidden, pixels]`."""
        by_pixel = into[0].T
        if self._in_bfloat16:
            common = (self.turned @ at_hidden.to(torch.bfloat16)).to(at_hidden.dtype)
            by_pixel.index_add_(0, self.common, common[0], alpha=1 / 127.5)
        else:
            common = linear(self.turned, at_hidden.transpose(1, 2))
            by_pixel.index_add_(0, self.common, common[0])
        by_pixel.index_add_(0, self.rare, self.by_pixel.times(at_hidden[0]))
        by_pixel.sub_(at_hidden.sum(1))

    def summed(self, at_outputs: Tensor, inputs: Tensor) -> Tensor:
        """Another weight's gradient, `at_outputs.T @ inputs`."""
        way = summed_in_bfloat16 if self._in_bfloat16 else summed
        return way(at_outputs, inputs)

    @property
    def _in_bfloat16(self) -> bool:
        return self.turned.dtype == torch.bfloat16


def pack_images(images: Tensor, labels: Tensor, bfloat16: bool) -> list[PackedImages]:
    """One student's images in chunks of similar ones, without their background.

    Args:
        images: `[images, pixels]` on [-1, 1]; square ones, row by row.
        labels: int64 `[images]`.
        bfloat16: whether weight gradients are summed from bfloat16. This is good enough for
            measuring only, and represents the images exactly only if they are whole numbers
            from 0 to 255, scaled.
    """
    side = isqrt(images.shape[1])
    width = images.unflatten(1, (side, -1)).gt(-1).any(1).sum(1)
    order = width.argsort(stable=True)
    return [_pack(images[some], labels[some], bfloat16) for some in order.split(_CHUNK)]


def _pack(images: Tensor, labels: Tensor, bfloat16: bool) -> PackedImages:
    brightness = images + 1
    touched = brightness.gt(0).double().mean(0)
    common, rare = (
        one.nonzero().squeeze(1)
        for one in (touched > _RARE, (touched > 0) & (touched <= _RARE))
    )
    dense = brightness.index_select(1, common).unsqueeze(0)
    turned = dense.transpose(1, 2)
    sparse = brightness.index_select(1, rare)
    return PackedImages(
        labels.unsqueeze(0),
        common,
        dense,
        (turned.mul(127.5).to(torch.bfloat16) if bfloat16 else turned).contiguous(),
        rare,
        _Sparse.of(sparse),
        _Sparse.of(sparse.T),
    )
