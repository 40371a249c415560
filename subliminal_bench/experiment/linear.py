"""Batched matrix products in full float32, and products of bfloat16 for measuring.

On CPUs torch passes float32 products to MKL, which uses half the vector width of processors
that are not Intel's. oneDNN, which torch includes for its layers, uses all of it.
`docs/performance.md` has the measurements.
"""

import os
from functools import cache
from typing import Any

import torch
from torch import Tensor


def linear(
    inputs: Tensor, weight: Tensor, bias: Tensor | None = None, relu: bool = False
) -> Tensor:
    """Each student's `inputs @ weight.T + bias`; differentiable any number of times.

    Args:
        inputs: `[students, rows, inner]`.
        weight: `[students, columns, inner]`.
        bias: `[students, columns]`.
        relu: whether a ReLU follows.

    Returns:
        `[students, rows, columns]`.

    >>> linear(torch.ones(1, 2, 3), torch.ones(1, 4, 3), torch.ones(1, 4))[0, 0].tolist()
    [4.0, 4.0, 4.0, 4.0]
    """
    if _through_onednn(inputs):
        fast: Tensor = _Linear.apply(inputs, weight, bias, relu)  # type: ignore[no-untyped-call]
        return fast
    turned = weight.transpose(1, 2)
    result = (
        inputs @ turned if bias is None else torch.baddbmm(bias.unsqueeze(1), inputs, turned)
    )
    return torch.relu(result) if relu else result


def bfloat16_is_faster(device: torch.device) -> bool:
    """Whether the device has instructions that multiply bfloat16 faster than float32."""
    if device.type != "cpu" or not _onednn_is_there():
        return False
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def arithmetic(device: torch.device) -> str:
    """The way in which a device computes products: two different ways round differently.

    Results record it, and the store separates results of different arithmetic.

    >>> arithmetic(torch.device("cpu")).split(", ")[0] in ("oneDNN", "matmul")
    True
    """
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return f"CUDA, sm_{major}{minor}"
    parts = [
        "oneDNN" if _onednn_is_there() else "matmul",
        "measured from bfloat16" if bfloat16_is_faster(device) else "measured from float32",
        torch.backends.cpu.get_cpu_capability(),
    ]
    # Environment variables can stop oneDNN from using some instructions.
    limits = [os.environ.get(name) for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")]
    return ", ".join([*parts, *(f"oneDNN up to {limit}" for limit in limits if limit)])


def summed_in_bfloat16(at_outputs: Tensor, inputs: Tensor) -> Tensor:
    """Each student's `at_outputs.T @ inputs`, from operands rounded to bfloat16.

    The rounding errors are independent, so they average out over thousands of rows. This is
    for measuring only: training is in full float32.

    Args:
        at_outputs: `[students, rows, columns]`.
        inputs: `[students, rows, inner]`.

    Returns:
        float32 `[students, columns, inner]`.

    >>> summed_in_bfloat16(torch.ones(1, 3, 2), torch.ones(1, 3, 4)).tolist()[0][0]
    [3.0, 3.0, 3.0, 3.0]
    """
    rounded = at_outputs.to(torch.bfloat16).transpose(1, 2)
    return (rounded @ inputs.to(torch.bfloat16)).float()


def _through_onednn(inputs: Tensor) -> bool:
    return inputs.device.type == "cpu" and inputs.dtype == torch.float32 and _onednn_is_there()


@cache
def _onednn_is_there() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_linear_pointwise"
    )


class _Linear(torch.autograd.Function):
    """`linear` with one oneDNN call per student; its gradients use the same function."""

    generate_vmap_rule = True

    @staticmethod
    def forward(inputs: Tensor, weight: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
        biases = [None] * len(inputs) if bias is None else bias
        results = [
            torch.ops.mkldnn._linear_pointwise(*parts, "relu" if relu else "none", [], "")
            for parts in zip(inputs, weight, biases, strict=True)
        ]
        return results[0].unsqueeze(0) if len(results) == 1 else torch.stack(results)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        given, weight, _, relu = inputs
        ctx.save_for_backward(given, weight, output if relu else None)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (at_outputs,) = upstream
        inputs, weight, stopped = ctx.saved_tensors
        if stopped is not None:
            at_outputs = torch.ops.aten.threshold_backward(at_outputs, stopped, 0)
        wanted = ctx.needs_input_grad
        turned = at_outputs.transpose(1, 2)
        return (
            linear(at_outputs, weight.transpose(1, 2)) if wanted[0] else None,
            linear(turned, inputs.transpose(1, 2)) if wanted[1] else None,
            at_outputs.sum(1) if wanted[2] else None,
            None,
        )
