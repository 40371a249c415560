"""Messages and tensors between a mitigation's process and the trainer's process.

Messages are JSON, preceded by their length. Tensors are in shared memory, one block per name;
the trainer's side creates the blocks and sends their files with a message.
"""

import json
import mmap
import os
import select
import socket
import struct
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from subliminal_bench.experiment.tensors import copied, fill

_LENGTH = struct.Struct(">I")
# Far more than the texts of any card need.
_LONGEST = 2**20
_MOST_FILES = 64
# Most messages arrive whole with one call of the system.
_PART = 2**14


class BrokenChannelError(Exception):
    """The other side is gone."""


class Channel:
    """One end of the connection.

    Args:
        connection: a stream between the two processes.
        seconds: how long the other side may take to read; by default without limit.
    """

    def __init__(self, connection: socket.socket, seconds: float | None = None) -> None:
        self._connection = connection
        self._seconds = seconds
        # What has arrived after the last message that was read.
        self._read = bytearray()
        connection.settimeout(seconds)

    def send(self, message: Mapping[str, Any], files: Sequence[int] = ()) -> None:
        """Send a message, with open files.

        Raises:
            TimeoutError: the other side did not read it in time.
            BrokenChannelError: the other side is gone.
        """
        content = json.dumps(message).encode()
        framed = _LENGTH.pack(len(content)) + content
        try:
            if files:
                framed = framed[socket.send_fds(self._connection, [framed], files) :]
            self._connection.sendall(framed)
        except TimeoutError:
            raise
        except OSError as error:
            raise BrokenChannelError(str(error)) from None

    def receive(self, end: float) -> bytes:
        """The next message's bytes; files that are sent with it are dropped.

        Args:
            end: the time to stop waiting, on the monotonic clock.

        Raises:
            TimeoutError: no message arrived in time.
            BrokenChannelError: the other side is gone.
            ValueError: the bytes are not a message.
        """
        try:
            (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, end))
            if length > _LONGEST:
                raise ValueError("no message is that long")
            return self._exactly(length, end)
        finally:
            self._connection.settimeout(self._seconds)

    def receive_with_files(self) -> tuple[Any, list[int]]:
        """The next message and its files; only for the side that trusts the other."""
        # Nothing is read ahead here: the other side waits for an answer to each message.
        part, files, _, _ = socket.recv_fds(self._connection, _PART, _MOST_FILES)
        if not part:
            raise BrokenChannelError("closed")
        self._read += part
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return json.loads(self._exactly(length)), list(files)

    @property
    def silent(self) -> bool:
        """Whether there is nothing to read."""
        if self._read:
            return False
        waiting = select.poll()
        waiting.register(self._connection, select.POLLIN)
        if not waiting.poll(0):
            return True
        try:
            return not self._connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def close(self) -> None:
        """Close this end."""
        self._connection.close()

    def _exactly(self, count: int, end: float | None = None) -> bytes:
        while len(self._read) < count:
            if end is not None:
                # 0 would make the socket non-blocking.
                self._connection.settimeout(max(end - time.monotonic(), 1e-3))
            try:
                part = self._connection.recv(_PART)
            except TimeoutError:
                raise
            except OSError as error:
                raise BrokenChannelError(str(error)) from None
            if not part:
                raise BrokenChannelError("closed")
            self._read += part
        found = bytes(self._read[:count])
        del self._read[:count]
        return found


class Blocks:
    """The blocks of shared memory on the trainer's side."""

    def __init__(self) -> None:
        self._blocks: dict[str, mmap.mmap] = {}
        self._unsent: dict[str, int] = {}

    def put(self, name: str, tensor: Tensor) -> dict[str, Any]:
        """Copy a tensor into the block of that name, and describe how to read it."""
        self.room(name, tensor)
        fill(_view(self._blocks[name], tensor.dtype, tensor.shape), tensor)
        return {"block": name, "dtype": _name(tensor.dtype), "shape": list(tensor.shape)}

    def room(self, name: str, like: Tensor) -> None:
        """Make sure that the block of that name has room for such a tensor."""
        size = max(like.numel() * like.element_size(), 1)
        if name not in self._blocks or len(self._blocks[name]) < size:
            file = _memory(size)
            self._blocks[name] = mmap.mmap(file, size)
            if name in self._unsent:
                os.close(self._unsent[name])
            self._unsent[name] = file

    def take(self, name: str, like: Tensor) -> Tensor:
        """A copy of the tensor that the other side put into a block.

        Its size and type never depend on the other side.
        """
        found = _view(self._blocks[name], like.dtype, like.shape)
        return copied(found).to(like.device)

    def unsent(self) -> tuple[list[tuple[str, int]], list[int]]:
        """Names, sizes and files of the blocks that the other side does not have yet."""
        named = [(name, len(self._blocks[name])) for name in self._unsent]
        return named, list(self._unsent.values())

    def sent(self) -> None:
        """Note that the other side has them now."""
        for file in self._unsent.values():
            os.close(file)
        self._unsent = {}


class SharedBlocks:
    """The view of the blocks on the mitigation's side."""

    def __init__(self) -> None:
        self._blocks: dict[str, mmap.mmap] = {}

    def learn(self, named: Sequence[tuple[str, int]], files: Sequence[int]) -> None:
        """Take over blocks that arrived with a message."""
        for (name, size), file in zip(named, files, strict=True):
            self._blocks[name] = mmap.mmap(file, size)
            os.close(file)

    def get(self, said: Mapping[str, Any]) -> Tensor:
        """A copy of a tensor that the trainer's side put into a block."""
        return copied(self.view(said))

    def view(self, said: Mapping[str, Any]) -> Tensor:
        """A tensor in a block itself, which nobody may change."""
        dtype: torch.dtype = getattr(torch, said["dtype"])
        return _view(self._blocks[said["block"]], dtype, said["shape"])

    def put(self, name: str, tensor: Tensor) -> None:
        """Copy a tensor into a block that has room for it."""
        fill(_view(self._blocks[name], tensor.dtype, tensor.shape), tensor)


def _view(block: mmap.mmap, dtype: torch.dtype, shape: Sequence[int]) -> Tensor:
    count = 1
    for length in shape:
        count *= length
    if not count:
        return torch.empty(*shape, dtype=dtype)
    return torch.frombuffer(block, dtype=dtype, count=count).view(*shape)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _memory(size: int) -> int:
    """A file in memory that has no name, and that nobody can shorten."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            return os.dup(file.fileno())
    import fcntl

    memory = os.memfd_create("subliminal-bench", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, size)
    # If the file shrank, reading past its end would kill the reading process.
    fcntl.fcntl(
        memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    )
    return memory
