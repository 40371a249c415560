"""Cohorts of single seeds, for students that are trained beside a bench's runs."""

from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.tracks import measured_every
from subliminal_bench.running.bench import Bench
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.teacher import train_teachers


@dataclass(frozen=True)
class SingleCohorts:
    """Makes the cohort of a seed; digits are read once, and a teacher is trained once.

    The alignment is measured at one step only: the same students in a third of the time.

    Attributes:
        bench: whose protocol, device and digits they have; no kept result of it is used.
    """

    bench: Bench
    _teachers: dict[int, Tensor] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, seed: int) -> Cohort:
        """The cohort of one seed.

        Raises:
            DataError: the digits are missing or damaged.
        """
        bench = self.bench
        bench.watcher.doing(f"what it may know by heart, seed {seed}")
        if seed not in self._teachers:
            self._teachers[seed] = train_teachers(
                bench.protocol, (seed,), self._digits, bench.device
            )
        protocol = measured_every(bench.protocol, bench.protocol.student_steps)
        return Cohort(protocol, (seed,), bench.device, self._digits, self._teachers[seed])

    @cached_property
    def _digits(self) -> Digits:
        bench = self.bench
        return load_digits(bench.protocol, bench.data_dir, bench.watcher.say).to(bench.device)
