"""Engines: where jobs are done. This process is one; `ray_engine` has the other."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import torch

from subliminal_bench import device as devices
from subliminal_bench import protocol as protocols
from subliminal_bench.data import Digits
from subliminal_bench.jobs import Job, Piece, pieces
from subliminal_bench.progress import Watcher


class Crew(Protocol):
    """Whoever does jobs, while digits and a device are at hand."""

    @property
    def has_room(self) -> bool:
        """Whether another job can be begun before one is done."""

    def begin(self, job: Job) -> None:
        """Begin a job."""

    def take(self) -> tuple[Job, Piece | None]:
        """Wait for the next piece of any job; None where the job is done.

        Raises:
            HookError: a mitigation failed.
            EngineError: workers were lost too often.
        """


class Engine(Protocol):
    """Where jobs are done."""

    def choose(self, name: str) -> torch.device:
        """The device of that name there.

        Raises:
            DeviceError: an unknown name, or a GPU that is not there.
        """

    def device_name(self, device: torch.device) -> str:
        """The model name of a device there."""

    def cohort_size(
        self, protocol: protocols.Protocol, device: torch.device, seeds: int
    ) -> int:
        """Students to train in lockstep, where so many seeds are to be trained in all."""

    def crew(
        self, digits: Digits, device: torch.device, watcher: Watcher
    ) -> AbstractContextManager[Crew]:
        """A crew; jobs that are not done when it is left are given up."""


class Local:
    """Does one job after the other in this process."""

    def choose(self, name: str) -> torch.device:
        """The device of that name on this machine; see `device.choose`."""
        return devices.choose(name)

    def device_name(self, device: torch.device) -> str:
        """The model name of this machine's device."""
        return devices.describe(device)

    def cohort_size(
        self, protocol: protocols.Protocol, device: torch.device, seeds: int
    ) -> int:
        """As many students as fit on the device; see `device.cohort_size`."""
        return devices.cohort_size(protocol, device)

    @contextmanager
    def crew(self, digits: Digits, device: torch.device, watcher: Watcher) -> Iterator[Crew]:
        """This process."""
        yield _Here(digits.to(device), device, watcher)


class _Here:
    def __init__(self, digits: Digits, device: torch.device, watcher: Watcher) -> None:
        self._digits = digits
        self._device = device
        self._watcher = watcher
        self._now: tuple[Job, Iterator[Piece]] | None = None

    @property
    def has_room(self) -> bool:
        return self._now is None

    def begin(self, job: Job) -> None:
        self._now = job, pieces(job, self._digits, self._device, self._watcher)

    def take(self) -> tuple[Job, Piece | None]:
        assert self._now, "a job was begun"
        job, rest = self._now
        piece = next(rest, None)
        if piece is None:
            self._now = None
        return job, piece
