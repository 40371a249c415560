"""The number of operations in a run, and the peak rate of this machine."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from subliminal_bench.experiment.linear import linear
from subliminal_bench.experiment.model import layout
from subliminal_bench.experiment.protocol import Protocol

# Rows and columns of the matrix product that measures the peak.
_SIDE = 2048
_Product = Callable[[Tensor, Tensor], Tensor]


def forward(protocol: Protocol, images: int) -> int:
    """Floating-point operations of a forward pass: a multiplication and an addition each."""
    weights = sum(shape[0] * shape[1] for shape in layout(protocol).shapes if len(shape) == 2)
    return 2 * weights * images


def gradient(protocol: Protocol, images: int) -> int:
    """Operations of a forward and a backward pass; the images get no gradient."""
    first = 2 * protocol.pixels * protocol.hidden * images
    return 3 * forward(protocol, images) - first


def teacher(protocol: Protocol) -> int:
    """Operations of one teacher's training."""
    return gradient(protocol, protocol.teacher_epochs * protocol.teacher_images)


def student(protocol: Protocol) -> int:
    """Operations of one student's training: its steps, and the teacher on the noise."""
    trained = gradient(protocol, protocol.student_epochs * protocol.noise_images)
    return trained + 2 * forward(protocol, protocol.noise_images)


def measuring(protocol: Protocol) -> int:
    """Operations of measuring one student: audit gradient at every step, test and KL."""
    steps = protocol.student_steps
    audit = (steps + 1) * gradient(protocol, protocol.audit_images)
    tests = -(-steps // protocol.test_every) + 4
    noise = protocol.noise_images + 3 * protocol.fresh_noise_images
    return audit + forward(protocol, tests * protocol.test_images + noise)


def peak(device: torch.device, seconds: float = 2.0) -> dict[str, float]:
    """The best rate of large float32 products, in operations a second.

    Args:
        device: to measure.
        seconds: to spend on each library.

    Returns:
        The rate of torch's matmul, and that of the engine's products.
    """
    left, right = (torch.randn(1, _SIDE, _SIDE, device=device) for _ in range(2))
    ways: dict[str, _Product] = {"torch.matmul": torch.matmul, "the engine's products": linear}
    return {name: _rate(way, left, right, seconds) for name, way in ways.items()}


def _rate(way: _Product, left: Tensor, right: Tensor, seconds: float) -> float:
    fastest, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        _wait(left.device)
        began = time.perf_counter()
        way(left, right)
        _wait(left.device)
        fastest = min(fastest, time.perf_counter() - began)
    return 2 * _SIDE**3 / fastest


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
