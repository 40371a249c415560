"""Noise images, each from its own generator."""

from dataclasses import replace

from benchmarks.canonical import PROTOCOL, SEED
from benchmarks.conftest import Compare
from sequential.experiment import SequentialReference
from subliminal_bench.experiment import streams
from subliminal_bench.experiment.digits import Digits


def test_ten_thousand_noise_images(compare: Compare, digits: Digits) -> None:
    protocol = replace(PROTOCOL, noise_images=10_000, teacher_epochs=0)
    sequential = SequentialReference(protocol, digits, SEED)
    compare(
        "10,000 noise images",
        reference=sequential._noise,
        ours=lambda: streams.noise(protocol, SEED),
        rounds=6,
    )
