"""What isolation adds to a step, side by side with the same mitigation in this process.

    python -m benchmarks.isolation liminal l2_to_initialisation early_stopping --repeats 3

Students of `mnist-5k` are trained without measuring the alignment. The first steps, which start
the process and allocate memory, are left out, and their time is given apart. Both sides take
turns, because a machine's speed drifts.
"""

import argparse
import statistics
import time
from dataclasses import dataclass

import torch
from tabulate import tabulate

from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.experiment.tracks import measured_every
from subliminal_bench.mitigation.isolation.proxy import load_isolated
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.threads import wait_in_words
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers

_LEFT_OUT = 10


@dataclass(frozen=True)
class Timed:
    """Seconds until the first steps are done, and milliseconds of each later step."""

    start: float
    step: float


def timed(cohort: Cohort, mitigation: Mitigation) -> Timed:
    """Train a cohort once."""
    ends: list[float] = []
    began = time.perf_counter()
    train_students(cohort, mitigation, lambda steps: ends.append(time.perf_counter()))
    later = ends[_LEFT_OUT:]
    step = 1e3 * (later[-1] - later[0]) / (len(later) - 1)
    return Timed(ends[_LEFT_OUT] - began - _LEFT_OUT * step / 1e3, step)


def main() -> None:
    """Time all mitigations and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mitigations", nargs="+")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    protocol, device = measured_every(MNIST_5K, MNIST_5K.student_steps), torch.device("cpu")
    digits = load_digits(protocol)
    teachers = train_teachers(protocol, (1,), digits, device)
    cohort = Cohort(protocol, (1,), device, digits, teachers)
    rows = []
    for name in options.mitigations:
        sides = {"here": load_mitigation(name), "isolated": load_isolated(name)}
        found: dict[str, list[Timed]] = {side: [] for side in sides}
        for repeat in range(options.repeats + 1):
            for side, mitigation in sides.items():
                once = timed(cohort, mitigation)
                if repeat:
                    found[side].append(once)
        steps = {side: statistics.median(one.step for one in found[side]) for side in sides}
        starts = {side: statistics.median(one.start for one in found[side]) for side in sides}
        rows.append(
            [
                name,
                f"{steps['here']:.2f} ms",
                f"{steps['isolated']:.2f} ms",
                f"{steps['isolated'] - steps['here']:+.2f} ms",
                f"{starts['isolated'] - starts['here']:+.2f} s",
            ]
        )
    print(f"{torch.get_num_threads()} threads; they spin: {wait_in_words()}")
    headings = ["mitigation", "step here", "step isolated", "added per step", "added at start"]
    print(tabulate(rows, headings, "github", disable_numparse=True))


if __name__ == "__main__":
    main()
