"""The trait gradient, and the alignment of another gradient with it.

The model is fixed, so the gradient of its class cross-entropy is computed explicitly, without
autograd.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from subliminal_bench.experiment.linear import linear
from subliminal_bench.experiment.model import Layout
from subliminal_bench.training.packed_images import FirstLayer, ImageChunk, plain_images


def trait_gradient(
    shape: Layout, parameters: Tensor, images: Tensor, labels: Tensor, logits: slice
) -> tuple[Tensor, Tensor]:
    """Class cross-entropy and its gradient over all parameters.

    Args:
        shape: the model's layout.
        parameters: `[students, parameters]`.
        images: `[students, images, pixels]`.
        labels: places among those logits, int64 `[students, images]`.
        logits: of the classes that the trait tells apart; no other enters the loss.

    Returns:
        The loss `[students]` in nats and the gradient `[students, parameters]`, both means
        over the images.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> from subliminal_bench.experiment import model
    >>> shape = model.layout(MNIST)
    >>> zeros = torch.zeros(1, shape.parameters)
    >>> loss, gradient = trait_gradient(
    ...     shape, zeros, torch.ones(1, 2, 784), torch.tensor([[0, 1]]), slice(10)
    ... )
    >>> round(loss.item(), 4)  # log(10)
    2.3026
    """
    return trait_gradient_over(shape, parameters, plain_images(images, labels), logits)


def trait_gradient_over(
    shape: Layout, parameters: Tensor, images: Sequence[ImageChunk], logits: slice
) -> tuple[Tensor, Tensor]:
    """`trait_gradient` over images in chunks, which may be packed."""
    gradient = torch.zeros_like(parameters)
    loss = parameters.new_zeros(len(parameters))
    with torch.no_grad():
        weight1, bias1, *upper = shape.parts(parameters)
        into = shape.parts(gradient)
        layer = FirstLayer(weight1, bias1)
        for chunk in images:
            loss += _add_gradient(layer, upper, chunk, logits, into)
        number = sum(chunk.labels.shape[1] for chunk in images)
        gradient /= number
        loss /= number
    return loss, gradient


def _add_gradient(
    layer: FirstLayer,
    upper: Sequence[Tensor],
    images: ImageChunk,
    classes: slice,
    into: Sequence[Tensor],
) -> Tensor:
    """Add the gradient of the images' summed loss, and return that loss `[students]`.

    Args:
        layer: the first layer.
        upper: the weights and biases of the other layers, in turn.
        images: a chunk.
        classes: the places of their logits.
        into: the gradients of all weights and biases are added to these.
    """
    *middle, weight, bias = upper
    weights, biases = middle[::2], middle[1::2]
    hidden = [images.hidden(layer)]
    for own in zip(weights, biases, strict=True):
        hidden.append(linear(hidden[-1], *own, relu=True))
    # Logits are stored class by class: a softmax over short rows would be ten times slower.
    logits = linear(weight[:, classes], hidden[-1]).add_(bias[:, classes].unsqueeze(-1))
    log_probability = torch.log_softmax(logits, 1)
    index = images.labels.unsqueeze(1)
    loss = -log_probability.gather(1, index).sum((1, 2))
    at_logits = log_probability.exp_()
    at_logits.scatter_add_(1, index, torch.full_like(index, -1, dtype=logits.dtype))
    into[-2][:, classes] += linear(at_logits, hidden[-1].transpose(1, 2))
    into[-1][:, classes] += at_logits.sum(2)
    at_hidden = linear(at_logits.transpose(1, 2), weight[:, classes].transpose(1, 2))
    for above in range(len(weights), 0, -1):
        _stopped(at_hidden, hidden[above])
        into[2 * above].add_(images.summed(at_hidden, hidden[above - 1]))
        into[2 * above + 1].add_(at_hidden.sum(1))
        at_hidden = linear(at_hidden, weights[above - 1].transpose(1, 2))
    _stopped(at_hidden, hidden[0])
    images.add_gradient(at_hidden, into[0])
    into[1].add_(at_hidden.sum(1))
    return loss


def _stopped(at_outputs: Tensor, outputs: Tensor) -> None:
    """Propagate a gradient back through a ReLU, in place."""
    torch.ops.aten.threshold_backward.grad_input(at_outputs, outputs, 0, grad_input=at_outputs)


def inner_and_cosine(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Inner product and cosine of each pair of rows, `[students]` each.

    The cosine with a zero vector is 0: a zero gradient is not aligned.

    >>> inner, cosine = inner_and_cosine(torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, 0.0]]))
    >>> inner.tolist(), [round(value, 6) for value in cosine.tolist()]
    ([6.0], [0.6])
    """
    inner = torch.linalg.vecdot(first, second)
    # The product is computed in float64: it may leave float32's range even if the norms do not.
    norms = [torch.linalg.vector_norm(one, dim=-1).double() for one in (first, second)]
    product = norms[0] * norms[1]
    cosine = torch.where(product > 0, inner / product.clamp_min(1e-300), 0.0)
    return inner, cosine.to(first.dtype)
