"""Tensors and bytes arrive as they were sent, or as one error."""

import os
import socket
import sys
import time

import pytest
import torch
from hypothesis import given, strategies
from torch import Tensor

from subliminal_bench.mitigation.isolation.channel import (
    Blocks,
    BrokenChannelError,
    Channel,
    SharedBlocks,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs Unix")


@given(strategies.binary(max_size=40))
def test_a_stream_of_any_bytes_ends_in_bytes_or_one_error(content: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(content)
        theirs.shutdown(socket.SHUT_WR)
        channel = Channel(ours, 1.0)
        try:
            found = channel.receive(time.monotonic() + 1)
        except (BrokenChannelError, ValueError):
            return
        assert content[4:].startswith(found)


@given(
    strategies.sampled_from([torch.float32, torch.float64]),
    strategies.lists(strategies.integers(0, 4), min_size=1, max_size=3),
)
def test_a_tensor_arrives_as_it_was_and_as_a_copy(dtype: torch.dtype, shape: list[int]) -> None:
    given = torch.randn(shape, dtype=dtype)
    asking, answering = Blocks(), SharedBlocks()
    said = asking.put("value", given)
    answering.learn(*asking_files(asking))
    found = answering.get(said)
    assert found.dtype == dtype
    assert torch.equal(found, given)
    asking.put("value", given + 1)
    assert torch.equal(found, given)
    answering.put("value", given + 2)
    assert torch.equal(asking.take("value", given), given + 2)


def test_a_block_cannot_be_cut_short_under_the_reader() -> None:
    asking = Blocks()
    asking.put("value", Tensor([1.0]))
    _, (file,) = asking.unsent()
    if sys.platform == "linux":
        with pytest.raises(PermissionError):
            os.ftruncate(file, 0)
    asking.sent()


def asking_files(blocks: Blocks) -> tuple[list[tuple[str, int]], list[int]]:
    """As they arrive on the other side: as files of its own."""
    named, files = blocks.unsent()
    copies = [os.dup(file) for file in files]
    blocks.sent()
    return named, copies
