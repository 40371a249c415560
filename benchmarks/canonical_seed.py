"""One complete canonical seed of plain distillation: the notebook's way, and ours.

    python -m benchmarks.canonical_seed --data-dir MNIST

This takes some minutes, nearly all of them for the notebook. Both sides run one after the other
in this process with the same number of threads, from reading the files to the accuracy.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from tabulate import tabulate

from benchmarks import arithmetic
from benchmarks.notebook import Notebook
from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.protocol import MNIST
from subliminal_bench.experiment.torchvision_import import data_set_class
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.device import device_name
from subliminal_bench.training.student import final_parameters, train_students
from subliminal_bench.training.teacher import train_teachers

CPU = torch.device("cpu")
_Value = TypeVar("_Value")


def main() -> None:
    """Time both sides and print their results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seed, folder = options.seed, options.data_dir
    print(f"{device_name(CPU)}, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}")
    print(f"threads: {torch.get_num_threads()}")
    rates = arithmetic.peak(CPU)
    for name, rate in rates.items():
        print(f"peak of {name}, float32: {rate / 1e9:.0f} GFLOP/s")

    # Imported before timing: it takes a second, which would count for the first side only.
    data_set_class("MNIST")
    baseline = load_mitigation("baseline")
    digits, reading = timed(lambda: load_digits(MNIST, folder))
    teachers, teaching = timed(lambda: train_teachers(MNIST, (seed,), digits, CPU))

    def cohort() -> Cohort:
        return Cohort(MNIST, (seed,), CPU, digits, teachers)

    _, training = timed(lambda: final_parameters(cohort(), baseline))
    (outcome,), whole = timed(lambda: train_students(cohort(), baseline))

    notebook, opening = timed(lambda: Notebook(MNIST, seed, folder))
    teacher, notebook_teaching = timed(notebook.teacher)
    curves, notebook_whole = timed(lambda: notebook.student(teacher))

    ours, theirs = reading + whole, opening + notebook_whole
    rows = [
        ("teacher", notebook_teaching, teaching),
        ("student, everything measured", theirs, ours),
        ("both", theirs + notebook_teaching, ours + teaching),
    ]
    table = [
        [name, f"{one:.1f} s", f"{two:.1f} s", f"{one / two:.1f}"] for name, one, two in rows
    ]
    print(tabulate(table, ["", "notebook", "ours", "ratio"], disable_numparse=True))
    print(
        f"trait accuracy {curves['accuracy'][-1]:.4f} and {outcome.metrics['trait_accuracy']}; "
        f"mean cosine {sum(curves['cosine']) / len(curves['cosine']):.6f} and "
        f"{outcome.metrics['cosine_mean_pre']:.6f}"
    )
    best = max(rates.values())
    for name, operations, seconds in (
        ("training alone", arithmetic.student(MNIST), training),
        (
            "training and measuring, background counted in",
            arithmetic.student(MNIST) + arithmetic.measuring(MNIST),
            whole,
        ),
    ):
        rate = operations / seconds
        print(f"{name}: {rate / 1e9:.0f} GFLOP/s, {100 * rate / best:.0f} % of the peak")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of this process: {memory:.1f} GiB")


def timed(work: Callable[[], _Value]) -> tuple[_Value, float]:
    """The result of `work`, and the seconds that it took."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began


if __name__ == "__main__":
    main()
