"""The program of a mitigation's process: confine itself, then answer requests.

    python -P -m subliminal_bench.mitigation.isolation.child \
        CONNECTION PARENT SECONDS GIBIBYTES PROCESSOR SANDBOX SERVICE

Started by `process`, with an open connection.
"""

import socket
import sys
from importlib import import_module

from subliminal_bench.mitigation.isolation.confinement import (
    Limits,
    confine,
    refuse_processes_and_connections,
)


def main() -> None:
    """Answer requests until the other side is gone."""
    connection, parent, seconds, gibibytes, processor, sandbox, service_module = sys.argv[1:]
    limits = Limits(float(seconds), float(gibibytes) or None, int(processor))
    network = confine(limits, int(parent), sandboxed=sandbox != "none")
    # torch starts threads, and a process with several threads cannot leave its network.
    from subliminal_bench.experiment.torch_state import pinned_torch
    from subliminal_bench.mitigation.isolation.channel import BrokenChannelError, Channel

    channel = Channel(socket.socket(fileno=int(connection)))
    service = import_module(service_module).Service(channel)
    channel.send({"kind": "ready", "network": network})
    refuse_processes_and_connections()
    try:
        with pinned_torch():
            service.answer_all()
    except BrokenChannelError:
        # This process ends with the trainer's process.
        sys.exit(0)


if __name__ == "__main__":
    main()
