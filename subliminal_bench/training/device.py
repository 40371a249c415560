"""Choosing the device and the number of students that fit on it."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from subliminal_bench.errors import DeviceError, Setting
from subliminal_bench.experiment.linear import arithmetic
from subliminal_bench.experiment.model import layout
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.printable import brief

DEVICES = ("auto", "cpu", "cuda")
# Rows of parameters in memory at once: weights, gradients, optimiser state, hook arguments.
_COPIES = 16


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` takes a GPU if there is one.

    Raises:
        DeviceError: the name is unknown, or there is no GPU.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    checked_device(name)
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise DeviceError("torch sees no GPU here", "use ", Setting("device", "cpu"))
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")


def checked_device(name: str) -> str:
    """The name of a device, which need not exist on this machine.

    Raises:
        DeviceError: the name is unknown.
    """
    if name not in DEVICES:
        raise DeviceError(f"unknown device {brief(name)}; choose one of {', '.join(DEVICES)}")
    return name


def device_kind(device: torch.device) -> Literal["cpu", "cuda"]:
    """The device's kind, as results record it."""
    return "cuda" if device.type == "cuda" else "cpu"


def device_name(device: torch.device) -> str:
    """The device's model name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@dataclass(frozen=True)
class DeviceFacts:
    """The facts about a device that results record.

    Attributes:
        name: its model.
        arithmetic: see `linear.arithmetic`.
    """

    name: str
    arithmetic: str


def device_facts(device: torch.device) -> DeviceFacts:
    """The facts of one of this machine's devices."""
    return DeviceFacts(device_name(device), arithmetic(device))


def cohort_size(protocol: Protocol, device: torch.device) -> int:
    """The number of students to train in lockstep.

    On a CPU it is one: a larger cohort is no faster, and each finished seed is saved sooner. On
    a GPU as many students as its free memory holds.
    """
    if device.type == "cpu":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    noise = protocol.noise_images + protocol.fresh_noise_images
    # One more copy of the audit images: batches and activations are processed in chunks.
    images = noise + 2 * protocol.audit_images
    logits = 2 * noise * protocol.logits
    parameters = _COPIES * layout(protocol).parameters
    size = torch.finfo(protocol.dtype).bits // 8
    student = size * (images * protocol.pixels + logits + parameters)
    return max(1, int(0.8 * free) // student)
