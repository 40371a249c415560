"""The code that runs on a ray cluster's workers; it does not need ray itself."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version

import torch

from subliminal_bench.errors import BenchmarkError, EngineError
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.running.jobs import Job, PartialResult, do_job, sendable
from subliminal_bench.running.progress import SILENT
from subliminal_bench.running.shipment import Shipment
from subliminal_bench.training.device import (
    DeviceFacts,
    choose_device,
    cohort_size,
    device_facts,
)
from subliminal_bench.training.student import ENGINE
from subliminal_bench.version import __version__

# The versions that decide the numbers, besides the job itself.
VERSIONS = (
    f"subliminal-bench {__version__}",
    f"engine version {ENGINE}",
    f"torch {version('torch')}",
)


@dataclass(frozen=True)
class WorkerFacts:
    """The facts that a worker found about its machine."""

    device: DeviceFacts
    cohort_size: int


def worker_facts(
    device: str, protocol: Protocol | None, versions: tuple[str, ...]
) -> WorkerFacts | BenchmarkError:
    """Examine a worker's machine.

    Args:
        device: its kind.
        protocol: of the cohorts that have to fit into the device's memory.
        versions: the caller's `VERSIONS`.
    """
    try:
        here = _prepared(device, versions)
    except BenchmarkError as error:
        return error
    size = cohort_size(protocol, here) if protocol else 1
    return WorkerFacts(device_facts(here), size)


def do_shipped_job(
    job: Job,
    shipments: tuple[tuple[Shipment, tuple[int, ...]], ...],
    digits: Digits,
    device: str,
    versions: tuple[str, ...],
) -> Iterator[PartialResult | BenchmarkError]:
    """Do a job; a user's mistake is returned as a result, so that ray does not retry the job.

    Args:
        job: without its shares.
        shipments: the shares.
        digits: on the CPU.
        device: the device's kind.
        versions: the caller's `VERSIONS`.
    """
    try:
        here = _prepared(device, versions)
        with ExitStack() as folders:
            shares = tuple(
                (folders.enter_context(shipment.loaded()), seeds)
                for shipment, seeds in shipments
            )
            whole = replace(job, shares=shares)
            for result in do_job(whole, digits.to(here), here, SILENT):
                yield sendable(result)
    except BenchmarkError as error:
        yield error


def _prepared(device: str, versions: tuple[str, ...]) -> torch.device:
    if versions != VERSIONS:
        raise EngineError(
            f"a worker has {', '.join(VERSIONS)}, but this machine has {', '.join(versions)}: "
            "install the same versions on every node"
        )
    torch.set_num_threads(1)
    return choose_device(device)
