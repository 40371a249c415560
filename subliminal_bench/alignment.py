"""The trait gradient, and how far a gradient points along it.

The model is fixed, so the gradient of its class cross-entropy is written out, without a graph.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from subliminal_bench.model import Layout, activations
from subliminal_bench.products import linear, summed_in_bfloat16

# Images whose activations are alive at once: few enough for a processor's cache.
_CHUNK = 2048


def trait_gradient(
    shape: Layout,
    parameters: Tensor,
    images: Tensor,
    labels: Tensor,
    classes: int,
    pixels: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Class cross-entropy and its gradient over all parameters.

    Args:
        shape: the model's layout.
        parameters: `[students, parameters]`.
        images: `[students, images, pixels]`.
        labels: int64 `[students, images]`.
        classes: class logits; the auxiliary logits after them have no part in the loss.
        pixels: the images as 0 to 255 in bfloat16, which is exact, where only measured: the
            weight gradients of both hidden layers are then summed in bfloat16. The loss and
            what is passed back from layer to layer stay in float32.

    Returns:
        The loss `[students]` in nats and the gradient `[students, parameters]`, both means
        over the images.

    >>> from subliminal_bench.protocol import MNIST
    >>> from subliminal_bench import model
    >>> shape = model.layout(MNIST)
    >>> zeros = torch.zeros(1, shape.parameters)
    >>> loss, gradient = trait_gradient(
    ...     shape, zeros, torch.ones(1, 2, 784), torch.tensor([[0, 1]]), classes=10
    ... )
    >>> round(loss.item(), 4)  # log(10)
    2.3026
    """
    gradient = torch.zeros_like(parameters)
    loss = parameters.new_zeros(len(parameters))
    with torch.no_grad():
        into = shape.parts(gradient)
        for begin in range(0, images.shape[1], _CHUNK):
            some = slice(begin, begin + _CHUNK)
            loss += _add_gradient(
                shape,
                parameters,
                images[:, some],
                labels[:, some],
                classes,
                None if pixels is None else pixels[:, some],
                into,
            )
        if pixels is not None:
            # An image is pixels / 127.5 - 1.
            into[0].div_(127.5).sub_(into[1].unsqueeze(-1))
        gradient /= images.shape[1]
        loss /= images.shape[1]
    return loss, gradient


def _add_gradient(
    shape: Layout,
    parameters: Tensor,
    images: Tensor,
    labels: Tensor,
    classes: int,
    pixels: Tensor | None,
    into: Sequence[Tensor],
) -> Tensor:
    """Add the gradient of the images' summed loss to `into`; the loss `[students]`.

    With pixels, the first weight's is left as the sum over pixels.
    """
    summed = _summed if pixels is None else summed_in_bfloat16
    _, _, weight2, _, weight3, _ = shape.parts(parameters)
    hidden1, hidden2, logits = activations(shape, parameters, images)
    log_probability = torch.log_softmax(logits[..., :classes], -1)
    index = labels.unsqueeze(-1)
    loss = -log_probability.gather(-1, index).sum((1, 2))
    at_logits = log_probability.exp_()
    at_logits.scatter_add_(-1, index, torch.full_like(index, -1, dtype=logits.dtype))
    into[4][:, :classes] += _summed(at_logits, hidden2)
    into[5][:, :classes] += at_logits.sum(1)
    at_hidden2 = linear(at_logits, weight3[:, :classes].transpose(1, 2))
    _stopped(at_hidden2, hidden2)
    into[2].add_(summed(at_hidden2, hidden1))
    into[3].add_(at_hidden2.sum(1))
    at_hidden1 = linear(at_hidden2, weight2.transpose(1, 2))
    _stopped(at_hidden1, hidden1)
    into[0].add_(summed(at_hidden1, images if pixels is None else pixels))
    into[1].add_(at_hidden1.sum(1))
    return loss


def _stopped(at_outputs: Tensor, outputs: Tensor) -> None:
    """A gradient back through a ReLU, in place."""
    torch.ops.aten.threshold_backward.grad_input(at_outputs, outputs, 0, grad_input=at_outputs)


def _summed(at_outputs: Tensor, inputs: Tensor) -> Tensor:
    return linear(at_outputs.transpose(1, 2), inputs.transpose(1, 2))


def inner_and_cosine(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Inner product and cosine of each pair of rows, `[students]` each.

    The cosine with a zero vector is 0: a gradient that is not there is not aligned.

    >>> inner, cosine = inner_and_cosine(torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, 0.0]]))
    >>> inner.tolist(), [round(value, 6) for value in cosine.tolist()]
    ([6.0], [0.6])
    """
    inner = torch.linalg.vecdot(first, second)
    # The product of norms is formed in float64: it may leave float32's range where they do not.
    norms = [torch.linalg.vector_norm(one, dim=-1).double() for one in (first, second)]
    product = norms[0] * norms[1]
    cosine = torch.where(product > 0, inner / product.clamp_min(1e-300), 0.0)
    return inner, cosine.to(first.dtype)
