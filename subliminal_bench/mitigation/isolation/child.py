"""The program of a mitigation's process: give up what is not needed, then answer.

    python -P -m subliminal_bench.mitigation.isolation.child \
        CONNECTION PARENT SECONDS GIBIBYTES PROCESSOR

Started by `process`, with an open connection.
"""

import socket
import sys

from subliminal_bench.mitigation.isolation.confinement import (
    Limits,
    confine,
    refuse_processes_and_connections,
)


def main() -> None:
    """Answer until the other side is gone."""
    connection, parent, seconds, gibibytes, processor = sys.argv[1:]
    limits = Limits(float(seconds), float(gibibytes) or None, int(processor))
    network = confine(limits, int(parent))
    # torch starts threads, and a process that has some cannot leave its network.
    from subliminal_bench.mitigation.isolation.channel import BrokenChannelError, Channel
    from subliminal_bench.mitigation.isolation.service import Service

    channel = Channel(socket.socket(fileno=int(connection)))
    service = Service(channel)
    channel.send({"kind": "ready", "network": network})
    refuse_processes_and_connections()
    try:
        service.answer_all()
    except BrokenChannelError:
        # It ends with the one that asks.
        sys.exit(0)


if __name__ == "__main__":
    main()
