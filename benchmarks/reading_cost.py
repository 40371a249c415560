"""What reading a student costs, and plain distillation's path, beside training a student.

    python -m benchmarks.reading_cost --protocol mnist --data-dir ../shared/mnist

One seed, one thread, processor time: a machine's other programs change it little. A seed is its
teacher, its noise and one student that is measured at every step.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tabulate import tabulate

from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.reading.readings import read
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.path import plain_paths
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers

CPU = torch.device("cpu")


def seconds(what: Callable[[], object]) -> float:
    """Processor time of one call."""
    began = time.process_time()
    what()
    return time.process_time() - began


def main() -> None:
    """Time everything once and print the shares of a seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protocol", default="mnist")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = protocol_named(options.protocol)
    digits = load_digits(protocol, options.data_dir)
    made: list[Cohort] = []

    def prepare() -> None:
        teachers = train_teachers(protocol, (1,), digits, CPU)
        cohort = Cohort(protocol, (1,), CPU, digits, teachers)
        assert len(cohort.auxiliary_logits[0]) + len(cohort.fresh_auxiliary_logits[0])
        made.append(cohort)

    before = seconds(prepare)
    (cohort,) = made
    fixed = seconds(lambda: cohort.readings_of_untrained)
    student = seconds(lambda: train_students(cohort, load_mitigation("baseline")))
    own = seconds(lambda: read(cohort.evidence(0), cohort.teacher_parameters[0]))
    path = seconds(lambda: plain_paths(cohort))
    seed = before + student - own
    rows = [
        ("teacher, noise and one student", seed, 1.0),
        ("reading the student", own, own / seed),
        ("reading teacher and untrained model, once per seed", fixed, fixed / seed),
        ("plain distillation's path, once per seed", path, path / seed),
    ]
    table = [(what, f"{took:.2f} s", f"x{share:.3f}") for what, took, share in rows]
    print(tabulate(table, [options.protocol, "processor time", "of a seed"], "github"))


if __name__ == "__main__":
    main()
