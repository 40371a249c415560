"""How many students fit on a device."""

import pytest
import torch

from subliminal_bench.experiment import model
from subliminal_bench.experiment.protocol import MNIST, PROBE
from subliminal_bench.training.device import cohort_size

GPU = torch.device("cuda")


def students(monkeypatch: pytest.MonkeyPatch, gigabytes: float) -> int:
    free = int(gigabytes * 2**30)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda where: (free, free))
    return cohort_size(MNIST, GPU)


def test_a_cpu_trains_one_student_at_a_time() -> None:
    assert cohort_size(MNIST, torch.device("cpu")) == 1


def test_a_hundred_canonical_students_fit_on_a_large_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert students(monkeypatch, 78) >= 100


@pytest.mark.parametrize("gigabytes", [2, 8, 24, 78])
def test_a_cohorts_noise_and_digits_leave_room(
    monkeypatch: pytest.MonkeyPatch, gigabytes: float
) -> None:
    images = MNIST.noise_images + MNIST.fresh_noise_images + MNIST.audit_images
    one = 4 * (images * MNIST.pixels + 8 * model.layout(MNIST).parameters)
    assert students(monkeypatch, gigabytes) * one < 0.8 * gigabytes * 2**30


def test_even_a_tiny_gpu_gets_one_student(monkeypatch: pytest.MonkeyPatch) -> None:
    assert students(monkeypatch, 0.1) == 1


def test_double_precision_takes_twice_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda where: (2**34, 2**34))
    wide = cohort_size(PROBE, GPU)
    assert 0 < wide < 2**34 // (8 * PROBE.noise_images * PROBE.pixels)
