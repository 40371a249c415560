"""What an isolated mitigation's process may use, and how the process gives up the rest.

Imports nothing heavy: a process can leave its network only while it has one thread. Nor does it
import what only Unix has before that is used.
"""

import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from subliminal_bench.errors import SurroundingsError
from subliminal_bench.mitigation.card import Network

_GIB = 2**30
_GRACE_SECONDS = 5
# From Linux's headers; Python has no names for them before 3.12.
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG = 1


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
    """What a mitigation's process may use.

    Attributes:
        seconds: wall time of one call of a hook, and of loading.
        gibibytes: address space; None for no limit, which CUDA needs.
        processor_seconds: processor time of one cohort's training.
    """

    seconds: float = 60.0
    gibibytes: float | None = 8.0
    processor_seconds: int = 3600

    @classmethod
    def of(
        cls, device: str, seconds: float | None = None, gibibytes: float | None = None
    ) -> "Limits":
        """The usual limits on a kind of device, but for those that are given.

        >>> Limits.of("cpu", seconds=5)
        Limits(seconds=5, gibibytes=8.0, processor_seconds=3600)
        """
        usual = cls() if device == "cpu" else cls(gibibytes=None)
        return cls(seconds or usual.seconds, gibibytes or usual.gibibytes)


def confine(limits: Limits, parent: int) -> Network:
    """Give up the network, files to write and all that goes beyond the limits.

    Args:
        limits: of memory and processor time.
        parent: the process to end with.

    Returns:
        What is left of the network.
    """
    import resource

    network = _leave_network()
    # macOS has no such limit.
    if limits.gibibytes is not None and sys.platform == "linux":
        _limit(resource.RLIMIT_AS, int(limits.gibibytes * _GIB))
    # A signal that says why, and a little later one that nothing can ignore.
    _limit(resource.RLIMIT_CPU, limits.processor_seconds, _GRACE_SECONDS)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    # Last: the signal is forgotten when a process changes its credentials.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that asked for this one is gone")
    return network


def _limit(kind: int, most: int, grace: int = 0) -> None:
    import resource

    _, hard = resource.getrlimit(kind)
    allowed = most + grace if hard == resource.RLIM_INFINITY else min(most + grace, hard)
    resource.setrlimit(kind, (min(most, allowed), allowed))


def _leave_network() -> Network:
    """Move into a network without interfaces, where the system lets an ordinary user."""
    if sys.platform != "linux":
        return "shared"
    user, group = os.getuid(), os.getgid()
    if ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return "shared"
    # The same user in the new namespace: files stay readable.
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", name).write_text(line)
    return "none"


def refuse_processes_and_connections() -> None:
    """Refuse further processes and connections where Python itself would make them.

    It turns accidents into one clear line. Code that means to get past it can: the limits and
    the network namespace are what holds. An audit hook cannot be removed again.
    """
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _PROCESSES:
        raise SurroundingsError(f"{event}: an isolated mitigation may start no process")
    if event in _CONNECTIONS:
        raise SurroundingsError(f"{event}: an isolated mitigation has no network")
