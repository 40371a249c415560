"""How long waiting threads spin: what it costs alone, and what it saves side by side.

    python -m benchmarks.waiting --side-by-side 2 3 --choices default 0 1000 --repeats 2

Every run is a process of its own that trains one student of plain distillation under `mnist-5k`
with all cores, from nothing. For each choice of `GOMP_SPINCOUNT`, it runs alone, and then
several together. The table shows the time of a run alone against the default's, and the time of
several side by side against as many in turn. Choices take turns, because a machine's speed
drifts. Nothing else should run meanwhile.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

_DEFAULT = "default"
_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
# Training alone, without the start of Python and torch, which does not wait for threads.
_PROGRAM = """
import sys, time
import torch
from pathlib import Path
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
bench = Bench(MNIST_5K, torch.device("cpu"), Store(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
began = time.perf_counter()
bench.run([load_mitigation("baseline")], (1,))
print(time.perf_counter() - began)
"""


def main() -> None:
    """Time all choices and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choices", nargs="+", default=[_DEFAULT, "0", "1000", "30000"])
    parser.add_argument("--side-by-side", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    counts = [1, *options.side_by_side]
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(options.repeats):
        for count in counts:
            for choice in options.choices:
                found.setdefault((choice, count), []).append(together(choice, count))
    times = {key: statistics.median(values) for key, values in found.items()}
    first = times[options.choices[0], 1]
    print(
        f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores; one run alone: {first:.1f} s"
    )
    rows = [
        [
            choice,
            f"{times[choice, 1]:.1f} s, x{times[choice, 1] / first:.3f}",
            *(
                f"{100 * times[choice, count] / (count * times[choice, 1]):.0f} %"
                for count in options.side_by_side
            ),
        ]
        for choice in options.choices
    ]
    headings = ["GOMP_SPINCOUNT", "alone", *(f"{n} side by side" for n in options.side_by_side)]
    print(tabulate(rows, headings, "github", disable_numparse=True))


def together(choice: str, count: int) -> float:
    """Seconds until all of several runs that begin together are done."""
    environment = {key: value for key, value in os.environ.items() if key not in _CHOICES}
    if choice != _DEFAULT:
        environment["GOMP_SPINCOUNT"] = choice
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(Path(folder, str(number)))],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(count)
        ]
        for run in runs:
            assert run.stdout, "stdout is a pipe"
            run.stdout.readline()
        began = time.perf_counter()
        for run in runs:
            assert run.stdin, "stdin is a pipe"
            run.stdin.write("\n")
            run.stdin.flush()
        for run in runs:
            if run.wait():
                raise SystemExit("a run failed")
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
