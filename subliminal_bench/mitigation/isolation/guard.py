"""No further processes and no connections, said where Python itself would make them.

It turns accidents into one clear line. Code that means to get past it can: the limits and the
network namespace are what holds.
"""

import sys
from typing import Any

from subliminal_bench.errors import SurroundingsError

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


def refuse_from_now_on() -> None:
    """Refuse them from now on; an audit hook cannot be taken off again."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _PROCESSES:
        raise SurroundingsError(f"{event}: an isolated mitigation may start no process")
    if event in _CONNECTIONS:
        raise SurroundingsError(f"{event}: an isolated mitigation has no network")
