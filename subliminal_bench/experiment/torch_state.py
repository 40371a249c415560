"""Torch settings of the whole process that decide numbers, held during the experiment."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Products in full float32 meanwhile, whatever the user's process allows; also a decorator.

    torch may be told to round the operands of float32 products: to TF32 on GPUs, to bfloat16 on
    CPUs. The user's own setting is restored at the end.

    >>> torch.set_float32_matmul_precision("medium")
    >>> with full_precision():
    ...     torch.get_float32_matmul_precision()
    'highest'
    >>> torch.get_float32_matmul_precision()
    'medium'
    >>> torch.set_float32_matmul_precision("highest")
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
