"""The limits of an isolated mitigation's process, and how it gives up everything else.

This module imports nothing heavy: a process can leave its network only while it has one thread.
It imports Unix-only modules only when it uses them.
"""

import ctypes
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from subliminal_bench.errors import SurroundingsError
from subliminal_bench.mitigation.separation import Network
from subliminal_bench.threads import end_with_parent

_GIB = 2**30
_GRACE_SECONDS = 5
_MOST_THREADS = 4096
# The version of Linux.
_COUNTS_BY_NAMESPACE = (5, 14)
# From Linux's headers; Python names them only from 3.12 on.
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


_PROCESSES = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pty.spawn",
    "subprocess.Popen",
}
_CONNECTIONS = {
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendmsg",
    "socket.sendto",
}


@dataclass(frozen=True)
class Limits:
    """The limits of a mitigation's process.

    Attributes:
        seconds: wall time of one hook call, and of loading.
        gibibytes: address space; None for no limit, which CUDA needs.
        processor_seconds: processor time for training one cohort.
        device: the kind of device that its hooks compute on.
        needs_sandbox: whether it must not start where there is no sandbox.
    """

    seconds: float = 60.0
    gibibytes: float | None = 8.0
    processor_seconds: int = 3600
    device: str = "cpu"
    needs_sandbox: bool = False

    @classmethod
    def of(
        cls,
        device: str,
        seconds: float | None = None,
        gibibytes: float | None = None,
        *,
        needs_sandbox: bool = False,
    ) -> "Limits":
        """The default limits on a kind of device, except for those that are given.

        >>> Limits.of("cpu", seconds=5).gibibytes, Limits.of("cuda").gibibytes
        (8.0, None)
        """
        usual = cls() if device == "cpu" else cls(gibibytes=None)
        return cls(
            seconds or usual.seconds,
            gibibytes or usual.gibibytes,
            device=device,
            needs_sandbox=needs_sandbox,
        )


def confine(limits: Limits, parent: int, *, sandboxed: bool) -> Network:
    """Give up the network and writing to files, and apply the limits to this process.

    Args:
        limits: of memory and processor time.
        parent: when this process ends, the confined process ends too.
        sandboxed: whether it is in a sandbox already, where there is neither a network nor a
            file that could be written to, but for a small folder in memory.

    Returns:
        The network that is left.
    """
    import resource

    network: Network = "none" if sandboxed else _leave_network()
    # Libraries look for a temporary folder and try to write to it. Python remembers what it
    # found before writing is refused.
    tempfile.gettempdir()
    # macOS has no such limit.
    if limits.gibibytes is not None and sys.platform == "linux":
        _limit(resource.RLIMIT_AS, int(limits.gibibytes * _GIB))
    # First a signal that gives the reason, and shortly after it one that cannot be ignored.
    _limit(resource.RLIMIT_CPU, limits.processor_seconds, _GRACE_SECONDS)
    if not sandboxed:
        _limit(resource.RLIMIT_FSIZE, 0)
    elif _counts_by_namespace():
        # Threads: the filter of a sandbox allows no other processes.
        _limit(resource.RLIMIT_NPROC, _MOST_THREADS)
    _limit(resource.RLIMIT_CORE, 0)
    # Last, because the system drops this setting when a process changes its credentials.
    end_with_parent(parent)
    return network


def _counts_by_namespace() -> bool:
    """Whether a limit of processes counts those in the sandbox alone, not all of the user's."""
    words = re.findall(r"\d+", os.uname().release)
    return tuple(map(int, words[:2])) >= _COUNTS_BY_NAMESPACE


def _limit(kind: int, most: int, grace: int = 0) -> None:
    import resource

    _, hard = resource.getrlimit(kind)
    allowed = most + grace if hard == resource.RLIM_INFINITY else min(most + grace, hard)
    resource.setrlimit(kind, (min(most, allowed), allowed))


def _leave_network() -> Network:
    """Move into a network without interfaces, if the system allows that to ordinary users."""
    if sys.platform != "linux":
        return "shared"
    user, group = os.getuid(), os.getgid()
    if ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return "shared"
    # The same user in the new namespace, so that files stay readable.
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", name).write_text(line)
    return "none"


def refuse_processes_and_connections() -> None:
    """Refuse new processes and connections that Python itself would make.

    This turns accidents into one clear line. Malicious code can get past it: the real barriers
    are the limits and the network namespace. An audit hook cannot be removed again.
    """
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _PROCESSES:
        raise SurroundingsError(f"{event}: an isolated mitigation may not start processes")
    if event in _CONNECTIONS:
        raise SurroundingsError(f"{event}: an isolated mitigation has no network")
