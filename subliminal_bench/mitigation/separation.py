"""What keeps an isolated mitigation's process apart from everything else."""

from dataclasses import dataclass
from typing import Literal

# The network that is left to the process.
Network = Literal["none", "shared"]
# What the process runs in: a root folder, processes and devices of its own, or nothing.
Sandbox = Literal["bubblewrap", "none"]


@dataclass(frozen=True)
class Separation:
    """How a mitigation's process is kept apart.

    Attributes:
        network: that is left to it.
        sandbox: that it runs in.
    """

    network: Network
    sandbox: Sandbox = "none"
