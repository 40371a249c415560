"""A stand-in for a GPU: torch's `meta` device, where tensors have shapes and no numbers.

Mixing it with the CPU raises as it does on a card. Reading a number from a card makes the
program wait for all work there, so every such read is counted; what is read is a stand-in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

META = torch.device("meta")


class Waits:
    """How often numbers were read from the device, by the operation that read them."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@contextmanager
def read_as_stand_ins() -> Iterator[Waits]:
    """Inside the context numbers of `meta` tensors can be read: nothing is true, all is one."""
    waits = Waits()

    def instead(name: str, real: Callable[..., Any], stand_in: Callable[..., Any]) -> Any:
        def read(first: Any, *others: Any, **named: Any) -> Any:
            if isinstance(first, Tensor) and first.is_meta:
                waits.count(name)
                return stand_in(first)
            return real(first, *others, **named)

        return read

    def ones(tensor: Tensor) -> Tensor:
        return torch.ones(tensor.shape, dtype=tensor.dtype, device="cpu")

    stand_ins: list[tuple[Any, str, Callable[..., Any]]] = [
        (torch, "equal", lambda tensor: True),
        (Tensor, "__bool__", lambda tensor: False),
        (Tensor, "item", lambda tensor: 1.0),
        (Tensor, "__float__", lambda tensor: 1.0),
        (Tensor, "__int__", lambda tensor: 1),
        (Tensor, "tolist", lambda tensor: ones(tensor).tolist()),
        (Tensor, "cpu", ones),
    ]
    with pytest.MonkeyPatch.context() as patch:
        for owner, name, stand_in in stand_ins:
            patch.setattr(owner, name, instead(name, getattr(owner, name), stand_in))
        yield waits
