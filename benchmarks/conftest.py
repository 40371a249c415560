"""Pairs of benchmarks: a plain way to do something and ours, both in every round.

    pytest benchmarks --benchmark-only

The results are the ratios at the end. A busy machine slows both sides of a round equally, so a
ratio is taken within its round, and each side goes first in half of the rounds. torch chooses
the number of threads; set OMP_NUM_THREADS=1 if other programs need the cores.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from tabulate import tabulate

from benchmarks import canonical
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.device import device_name
from subliminal_bench.training.teacher import train_teachers

Work = Callable[[], object]


@dataclass
class Subject:
    """A measurement: the seconds of both sides, one pair per round.

    Attributes:
        name: in the table.
        adds: what our side does in addition to the reference, if that is to be measured.
    """

    name: str
    adds: str
    pairs: list[tuple[float, float]] = field(default_factory=list)

    def row(self) -> list[str]:
        reference, ours = (median(side) for side in zip(*self.pairs, strict=True))
        ratios = [plain / own for plain, own in self.pairs]
        low, _, high = quantiles(ratios, n=4, method="inclusive")
        middle = f"{_ratio(low)} to {_ratio(high)}"
        return [self.name, _time(reference), _time(ours), _ratio(median(ratios)), middle]

    def added(self) -> str:
        more = median(own - plain for plain, own in self.pairs)
        share = median(own / plain - 1 for plain, own in self.pairs)
        return f"{self.adds}: {1e3 * more:+.1f} ms, {100 * share:+.1f} %"


_SUBJECTS = pytest.StashKey[dict[str, Subject]]()


class Compare:
    """Measures one side with pytest-benchmark, and the other side in each of its rounds."""

    def __init__(
        self, benchmark: BenchmarkFixture, side: str, subjects: dict[str, Subject]
    ) -> None:
        self._benchmark, self._side, self._subjects = benchmark, side, subjects

    def __call__(
        self,
        subject: str,
        reference: Work,
        ours: Work,
        *,
        rounds: int = 10,
        steps: int = 1,
        adds: str = "",
    ) -> None:
        """Measure a subject.

        Args:
            subject: its name, the same for both sides.
            reference: the plain way.
            ours: the package's way.
            rounds: measured rounds of each side, after one round to warm up.
            steps: the number of steps that both sides do; the table has the time of one step.
            adds: what our side does in addition to the reference, if that is to be measured.
        """
        first, timed = (ours, reference) if self._side == "reference" else (reference, ours)
        before: list[float] = []

        def time_the_other() -> None:
            start = perf_counter()
            first()
            before.append(perf_counter() - start)

        self._benchmark.group = subject
        self._benchmark.pedantic(timed, setup=time_the_other, rounds=rounds, warmup_rounds=1)
        if self._benchmark.stats is None:  # --benchmark-disable
            return
        after = self._benchmark.stats.stats.data
        both = (after, before[1:]) if self._side == "reference" else (before[1:], after)
        kept = self._subjects.setdefault(subject, Subject(subject, adds))
        kept.pairs += [(one / steps, other / steps) for one, other in zip(*both, strict=True)]


@pytest.fixture(params=["reference", "ours"])
def compare(request: pytest.FixtureRequest, benchmark: BenchmarkFixture) -> Compare:
    subjects = request.config.stash.setdefault(_SUBJECTS, {})
    return Compare(benchmark, request.param, subjects)


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Print the ratios, after pytest-benchmark's own table."""
    yield
    subjects = terminalreporter.config.stash.get(_SUBJECTS, {}).values()
    if not subjects:
        return
    headings = ("subject", "reference", "ours", "ratio", "middle half")
    table = tabulate(
        [one.row() for one in subjects],
        headings,
        colalign=("left", *["right"] * 4),
        disable_numparse=True,
    )
    lines = [
        *_machine(),
        "Medians of the rounds; ratio is reference / ours: above 1, ours is faster.",
        "",
        table,
        *[f"\n{one.added()}" for one in subjects if one.adds],
    ]
    terminalreporter.section("ours beside the reference")
    for line in lines:
        terminalreporter.write_line(line)


def _machine() -> list[str]:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return [
        f"{device_name(canonical.CPU)}, {os.cpu_count()} cores{load}",
        f"torch {torch.__version__}, threads: {torch.get_num_threads()}",
    ]


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


@pytest.fixture(scope="session")
def digits() -> Digits:
    return canonical.digits()


@pytest.fixture(scope="session")
def oracle(digits: Digits) -> canonical.Oracle:
    return canonical.Oracle(canonical.PROTOCOL, digits, canonical.SEED)


@pytest.fixture(scope="session")
def cohort(digits: Digits) -> Cohort:
    protocol, seeds = canonical.PROTOCOL, (canonical.SEED,)
    teachers = train_teachers(protocol, seeds, digits, canonical.CPU)
    return Cohort(protocol, seeds, canonical.CPU, digits, teachers)
