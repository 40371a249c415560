"""Jobs as tasks of a ray cluster: on several machines, or on several GPUs of one machine.

Only the calling process touches the store, so the nodes need no shared disk. They need the same
versions of this package, torch and ray.
"""

import contextlib
import importlib
import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from subliminal_bench.errors import BenchmarkError, DeviceError, EngineError, Setting
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.running.cluster.ray_worker import (
    VERSIONS,
    WorkerFacts,
    do_shipped_job,
    worker_facts,
)
from subliminal_bench.running.engine import Needs, Workers
from subliminal_bench.running.jobs import Job, PartialResult, work_behind
from subliminal_bench.running.progress import Watcher
from subliminal_bench.running.shipment import Shipments
from subliminal_bench.threads import wait_of_a_child
from subliminal_bench.training.device import DeviceFacts, checked_device
from subliminal_bench.version import __version__

ADDRESS_VARIABLE = "RAY_ADDRESS"
# How often a job is restarted after it loses its worker.
_RETRIES = 3
# Seconds between two checks of the cluster's nodes.
_POLL = 2.0


@contextmanager
def connected() -> Iterator["RayEngine"]:
    """Connect to the cluster of `RAY_ADDRESS`, else to this machine's, else to a new one here.

    An existing connection of ray is used and kept. Inside the context nothing is printed on
    stdout, because ray prints its announcements there.

    Raises:
        EngineError: ray is not installed, or there is no cluster at that address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = _imported()
    if ray.is_initialized():
        yield RayEngine(ray)
        return
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        _connect(ray)
        try:
            yield RayEngine(ray)
        finally:
            ray.shutdown()


def _imported() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise EngineError("ray is not installed: pip install 'subliminal-bench[ray]'") from None


def _connect(ray: Any) -> None:
    address = os.environ.get(ADDRESS_VARIABLE, "")
    if address.startswith("ray://"):
        raise EngineError(
            f"{ADDRESS_VARIABLE}={address}: run on a node of the cluster, and set the "
            "cluster's own address, such as 10.0.0.1:6379"
        )
    try:
        ray.init(
            logging_level=logging.CRITICAL,
            log_to_driver=False,
            include_dashboard=False,
            runtime_env={"env_vars": wait_of_a_child()},
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise EngineError(
            f"no ray cluster{f' at {ADDRESS_VARIABLE}={address}' if address else ''}: "
            f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
        ) from None


class RayEngine:
    """The engine that does as many jobs at once as the cluster has processors or GPUs.

    Args:
        ray: the module, connected.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._known: dict[tuple[str, Protocol | None], WorkerFacts] = {}

    def choose(self, name: str) -> torch.device:
        """The device of that name; `auto` takes GPUs if the cluster has any.

        Raises:
            DeviceError: the name is unknown, or the cluster has no GPU: a task that needs one
                would wait forever.
        """
        checked_device(name)
        gpus = _slots(self._ray, torch.device("cuda"))
        if name == "cuda" and not gpus:
            raise DeviceError("the ray cluster has no GPU", "use ", Setting("device", "cpu"))
        chosen = torch.device("cuda" if gpus and name != "cpu" else "cpu")
        if not _slots(self._ray, chosen):
            raise DeviceError("the ray cluster has no processor: start a node with processors")
        return chosen

    def facts(self, device: torch.device) -> DeviceFacts:
        """The facts about one worker's device that results record; other workers may differ."""
        return self._facts_of_worker(device, None).device

    def cohort_size(self, protocol: Protocol, device: torch.device, seeds: int) -> int:
        """One on CPUs; on GPUs as many as fit, but few enough to keep every GPU busy."""
        share = math.ceil(seeds / max(1, _slots(self._ray, device)))
        return max(1, min(self._facts_of_worker(device, protocol).cohort_size, share))

    def _facts_of_worker(self, device: torch.device, protocol: Protocol | None) -> WorkerFacts:
        key = device.type, protocol
        if key not in self._known:
            ray = self._ray
            task = ray.remote(**_demand(device))(worker_facts)
            try:
                found = ray.get(task.remote(device.type, protocol, VERSIONS))
            except ray.exceptions.RayError as error:
                raise EngineError(
                    f"the cluster's workers cannot run subliminal-bench {__version__}: install "
                    f"it on every node ({_reason(error)})"
                ) from None
            if isinstance(found, BenchmarkError):
                raise found
            self._known[key] = found
        return self._known[key]

    @contextmanager
    def workers(self, needs: Needs) -> Iterator[Workers]:
        """The cluster's workers; the digits are sent to each node once."""
        digits = self._ray.put(needs.digits)
        workers = _RayWorkers(self._ray, digits, needs.device, needs.watcher)
        try:
            yield workers
        finally:
            workers.cancel()


class _RayWorkers:
    def __init__(self, ray: Any, digits: Any, device: torch.device, watcher: Watcher) -> None:
        self._ray = ray
        self._digits = digits
        self._device = device
        self._watcher = watcher
        self._running: dict[Any, Job] = {}
        self._shipments = Shipments()
        self._nodes = self._alive()
        demand = _demand(device)
        self._do = ray.remote(num_returns="streaming", max_retries=_RETRIES, **demand)(
            do_shipped_job
        )

    @property
    def has_room(self) -> bool:
        return len(self._running) < max(1, _slots(self._ray, self._device))

    def begin(self, job: Job) -> None:
        shares = self._shipments.of(job)
        task = self._do.remote(
            replace(job, shares=()), shares, self._digits, self._device.type, VERSIONS
        )
        self._running[task] = job
        count = len(self._running)
        self._watcher.doing(f"{count} cohort{'s' if count > 1 else ''} on the cluster")

    def take(self) -> tuple[Job, PartialResult | None]:
        while True:
            ready, _ = self._ray.wait(list(self._running), timeout=_POLL)
            self._notice_lost_nodes()
            if ready:
                return self._next(ready[0])

    def _next(self, task: Any) -> tuple[Job, PartialResult | None]:
        errors, job = self._ray.exceptions, self._running[task]
        try:
            result = self._ray.get(next(task))
        except StopIteration:
            del self._running[task]
            return job, None
        except errors.RayTaskError as error:
            # An error in the worker is a bug; its traceback is shown.
            raise error.cause or error from error
        except errors.RayError as error:
            raise EngineError(
                f"{_RETRIES + 1} workers in a row were lost on the same cohort; finished seeds "
                f"are kept, and the same command continues ({_reason(error)})"
            ) from None
        if isinstance(result, BenchmarkError):
            raise result
        self._watcher.advance(work_behind(job, result))
        return job, result

    def _notice_lost_nodes(self) -> None:
        alive = self._alive()
        if len(alive) < len(self._nodes):
            waits = "" if _slots(self._ray, self._device) else " as soon as there is one"
            self._watcher.say(
                "a node of the cluster was lost: its training restarts on another node"
                f"{waits}; finished seeds are kept"
            )
        self._nodes = alive

    def _alive(self) -> set[str]:
        return {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}

    def cancel(self) -> None:
        for task in self._running:
            self._ray.cancel(task, force=True)


def _demand(device: torch.device) -> dict[str, float]:
    """The resources of a task: a processor for its only thread, or a whole GPU."""
    return {"num_cpus": 1} if device.type == "cpu" else {"num_cpus": 0, "num_gpus": 1}


def _slots(ray: Any, device: torch.device) -> int:
    """The number of jobs that the cluster can do at once."""
    return int(ray.cluster_resources().get("CPU" if device.type == "cpu" else "GPU", 0))


def _reason(error: BaseException) -> str:
    """The last line of an error, which follows ray's own report."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
