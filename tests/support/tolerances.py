"""Tolerances made by hand."""

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import MNIST_5K, Protocol
from subliminal_bench.results.run import ProtocolRecord
from subliminal_bench.results.tolerances import Chaos, Tolerances

STEADY = 0.001


def tolerances(of: Protocol = MNIST_5K) -> Tolerances:
    chaos = [
        Chaos(variant="by hand", entry="baseline", metric=metric, differences=[STEADY, -STEADY])
        for metric in METRICS
    ]
    return Tolerances(schema_version=1, protocol=ProtocolRecord.of(of), chaos=chaos)
