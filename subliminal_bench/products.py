"""Batched matrix products in full float32, by the faster of the libraries inside torch.

On CPUs torch hands float32 products to MKL, which uses half the vector width of processors
that are not Intel's. oneDNN, which torch brings along for its layers, uses all of it. Nothing
is computed in less than float32: `docs/performance.md` has the measurement.
"""

from typing import Any

import torch
from torch import Tensor


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Each student's `inputs @ weight.T + bias`; differentiable as often as one likes.

    Args:
        inputs: `[students, rows, inner]`.
        weight: `[students, columns, inner]`.
        bias: `[students, columns]`.

    Returns:
        `[students, rows, columns]`.

    >>> linear(torch.ones(1, 2, 3), torch.ones(1, 4, 3), torch.ones(1, 4))[0, 0].tolist()
    [4.0, 4.0, 4.0, 4.0]
    """
    if _through_onednn(inputs):
        result: Tensor = _Linear.apply(inputs, weight, bias)  # type: ignore[no-untyped-call]
        return result
    if bias is None:
        return inputs @ weight.transpose(-1, -2)
    return torch.baddbmm(bias.unsqueeze(1), inputs, weight.transpose(1, 2))


def _through_onednn(inputs: Tensor) -> bool:
    return inputs.device.type == "cpu" and inputs.dtype == torch.float32 and _onednn_is_there()


def _onednn_is_there() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_linear_pointwise"
    )


class _Linear(torch.autograd.Function):
    """`linear`, one oneDNN call a student; its gradients are the same function again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        biases = [None] * len(inputs) if bias is None else bias
        results = [
            torch.ops.mkldnn._linear_pointwise(*parts, "none", [], "")
            for parts in zip(inputs, weight, biases, strict=True)
        ]
        return results[0].unsqueeze(0) if len(results) == 1 else torch.stack(results)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (at_outputs,) = upstream
        inputs, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        turned = at_outputs.transpose(1, 2)
        return (
            linear(at_outputs, weight.transpose(1, 2)) if wanted[0] else None,
            linear(turned, inputs.transpose(1, 2)) if wanted[1] else None,
            at_outputs.sum(1) if wanted[2] else None,
        )
