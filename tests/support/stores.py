"""A store of the test protocol, and what is in it."""

from collections.abc import Callable

import pytest
from torch import Tensor

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.experiment.linear import arithmetic
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.folders import RunFolder
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.training.student import ENGINE
from tests.conftest import CPU, TINY
from tests.support.plugins_for_tests import one_line

HERE = Environment.here("cpu", "a processor", ENGINE, arithmetic(CPU))
BASELINE = load_mitigation("baseline")
LIMINAL = load_mitigation("liminal")


def bench(where: Store, protocol: Protocol = TINY) -> Bench:
    return Bench(protocol, CPU, where)


def entry_of(where: Store, one: Mitigation = BASELINE) -> RunFolder:
    return where.run_folder(TINY, one, HERE)


def curves_of(folder: RunFolder, seed: int) -> dict[str, Tensor]:
    curves = folder.curves(seed)
    assert curves is not None
    return curves


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(BenchmarkError) as caught:
        call()
    return one_line(caught.value)
