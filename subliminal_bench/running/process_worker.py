"""The program of a worker process: it trains with one thread what the trainer sends it.

    python -P -m subliminal_bench.running.process_worker CONNECTION PARENT

Started by `process_engine`, with an open connection. One thread never waits for another, so it
is as fast beside other programs as its share of the cores allows.
"""

import io
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import torch

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.torch_state import pinned_torch
from subliminal_bench.mitigation.isolation.channel import SharedBlocks
from subliminal_bench.running.jobs import Job, do_job, sendable
from subliminal_bench.running.progress import Silent
from subliminal_bench.running.shipment import Shipment
from subliminal_bench.threads import end_with_parent

_CPU = torch.device("cpu")


def send(connection: Connection, message: tuple[object, ...]) -> None:
    """Send a message; its tensors are copied, which `Connection.send` would not do."""
    connection.send_bytes(pickle.dumps(message))


def receive(connection: Connection) -> Any:
    """The next message.

    Raises:
        EOFError, OSError: the other side is gone.
    """
    return pickle.loads(connection.recv_bytes())


class Reports(Silent):
    """A watcher that sends the progress to the trainer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def say(self, line: str) -> None:
        """Send a permanent line."""
        send(self._connection, ("say", line))

    def doing(self, what: str) -> None:
        """Send what is done next."""
        send(self._connection, ("doing", what))

    def advance(self, work: int) -> None:
        """Send that this much more work is done."""
        send(self._connection, ("advance", work))


class Printed(io.TextIOBase):
    """Text that a mitigation prints, sent to the trainer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun = ""

    def write(self, text: str) -> int:
        """Send what is printed line by line, so that lines of two processes never mix."""
        *lines, self._begun = (self._begun + text).split("\n")
        if lines:
            send(self._connection, ("printed", "\n".join([*lines, ""])))
        return len(text)


def main() -> None:
    """Do one job after the other until the trainer is gone."""
    number, parent = map(int, sys.argv[1:])
    end_with_parent(parent)
    # The trainer's process is interrupted too, and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(number)
    sys.stdout = sys.stderr = Printed(connection)
    torch.set_num_threads(1)
    try:
        digits = _digits(*receive(connection))
        while True:
            _do(connection, digits, *receive(connection))
    except (EOFError, OSError):
        os._exit(0)


def _digits(blocks: list[tuple[str, int]], files: list[int], said: Mapping[str, Any]) -> Digits:
    """The digits, which all processes share."""
    shared = SharedBlocks()
    shared.learn(blocks, files)
    tensors = {name: shared.view(one) if one else None for name, one in said.items()}
    return Digits(**tensors)  # type: ignore[arg-type]


def _do(
    connection: Connection,
    digits: Digits,
    job: Job,
    shipments: tuple[tuple[Shipment, tuple[int, ...]], ...],
) -> None:
    """Do a job, and send its results, then what ended it early, if anything did."""
    ended: tuple[str, object] = ("done", None)
    try:
        with pinned_torch(), ExitStack() as folders:
            shares = tuple(
                (folders.enter_context(shipment.loaded()), seeds)
                for shipment, seeds in shipments
            )
            whole = replace(job, shares=shares)
            for result in do_job(whole, digits, _CPU, Reports(connection)):
                send(connection, ("result", sendable(result)))
    except BenchmarkError as error:
        ended = ("refused", error)
    except ConnectionError:
        raise
    except BaseException:
        ended = ("failed", traceback.format_exc())
    send(connection, ended)


if __name__ == "__main__":
    main()
