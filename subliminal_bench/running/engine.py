"""Engines, which do jobs: this process, or the cluster in `cluster`."""

import typing
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.running.jobs import Job, PartialResult, do_job
from subliminal_bench.running.progress import Watcher
from subliminal_bench.training.device import (
    DeviceFacts,
    choose_device,
    cohort_size,
    device_facts,
)


class Workers(typing.Protocol):
    """A pool of workers that do jobs, with the digits on their device."""

    @property
    def has_room(self) -> bool:
        """Whether another job can begin before one is done."""

    def begin(self, job: Job) -> None:
        """Begin a job."""

    def take(self) -> tuple[Job, PartialResult | None]:
        """Wait for the next part of any job; None if the job is done.

        Raises:
            HookError: a mitigation failed.
            EngineError: workers were lost too often.
        """


@dataclass(frozen=True)
class Needs:
    """What workers are needed for.

    Attributes:
        protocol: of the jobs.
        digits: on the CPU.
        device: where to train.
        watcher: receives the progress.
        seeds: at most so many are trained.
        mitigations: that the jobs may contain.
    """

    protocol: Protocol
    digits: Digits
    device: torch.device
    watcher: Watcher
    seeds: int
    mitigations: Sequence[Mitigation]


class Engine(typing.Protocol):
    """A place that does jobs."""

    def choose(self, name: str) -> torch.device:
        """The engine's device of that name.

        Raises:
            DeviceError: the name is unknown, or there is no GPU.
        """

    def facts(self, device: torch.device) -> DeviceFacts:
        """The facts about one of the engine's devices that results record."""

    def cohort_size(self, protocol: Protocol, device: torch.device, seeds: int) -> int:
        """The number of students to train in lockstep, given the total number of seeds."""

    def workers(self, needs: "Needs") -> AbstractContextManager[Workers]:
        """Its workers; jobs that are not done at the end of `with` are cancelled."""


class LocalEngine:
    """The engine that does one job after the other in this process."""

    def choose(self, name: str) -> torch.device:
        """The device of that name on this machine; see `choose_device`."""
        return choose_device(name)

    def facts(self, device: torch.device) -> DeviceFacts:
        """The facts about this machine's device that results record."""
        return device_facts(device)

    def cohort_size(self, protocol: Protocol, device: torch.device, seeds: int) -> int:
        """As many students as fit on the device; see `device.cohort_size`."""
        return cohort_size(protocol, device)

    @contextmanager
    def workers(self, needs: Needs) -> Iterator[Workers]:
        """This process."""
        yield _ThisProcess(needs.digits.to(needs.device), needs.device, needs.watcher)


LOCAL: Engine = LocalEngine()


class _ThisProcess:
    def __init__(self, digits: Digits, device: torch.device, watcher: Watcher) -> None:
        self._digits = digits
        self._device = device
        self._watcher = watcher
        self._now: tuple[Job, Iterator[PartialResult]] | None = None

    @property
    def has_room(self) -> bool:
        return self._now is None

    def begin(self, job: Job) -> None:
        self._now = job, do_job(job, self._digits, self._device, self._watcher)

    def take(self) -> tuple[Job, PartialResult | None]:
        assert self._now, "a job was begun"
        job, rest = self._now
        result = next(rest, None)
        if result is None:
            self._now = None
        return job, result
