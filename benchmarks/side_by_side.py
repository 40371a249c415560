"""Whole runs side by side against the same runs in turn, on one machine.

    python -m benchmarks.side_by_side --runs 3 --seeds 1-2

Each run is the command line's, in a process of its own with an empty store. At or below 100 %,
a machine that several people use does as much as one that they use in turn.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def main() -> None:
    """Time both ways and print their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seeds", default="1-2")
    parser.add_argument("--mitigation", default="early_stopping")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stores = [Path(folder, str(number)) for number in range(2 * options.runs)]
        began = time.perf_counter()
        first: list[float] = []
        for store in stores[: options.runs]:
            first.append(finished([started(options, store)])[0])
        in_turn = time.perf_counter() - began
        began = time.perf_counter()
        firsts = finished([started(options, store) for store in stores[options.runs :]])
        together = time.perf_counter() - began
    print(f"{os.cpu_count()} cores, {options.runs} runs of seeds {options.seeds} each")
    print(f"in turn {in_turn:.1f} s; the first paired numbers after {max(first):.1f} s")
    print(
        f"side by side {together:.1f} s ({100 * together / in_turn:.0f} %); the first paired "
        f"numbers after {max(firsts):.1f} s"
    )


def started(options: argparse.Namespace, store: Path) -> tuple[float, subprocess.Popen[str]]:
    """A run that has just been started, and when."""
    environment = {key: value for key, value in os.environ.items() if key not in _CHOICES}
    command = [sys.executable, "-m", "subliminal_bench", "run", options.mitigation]
    run = subprocess.Popen(
        [*command, "--seeds", options.seeds, "--store", str(store)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    return time.perf_counter(), run


def finished(runs: list[tuple[float, subprocess.Popen[str]]]) -> list[float]:
    """Wait for all runs; seconds until each printed its first paired numbers."""
    first = []
    for began, run in runs:
        assert run.stderr, "stderr is a pipe"
        # Read at once by this process: the others wait for nobody.
        line = next((line for line in run.stderr if "the baseline's" in line), "")
        first.append(time.perf_counter() - began if line else float("nan"))
    for _, run in runs:
        assert run.stderr, "stderr is a pipe"
        run.stderr.read()
        if run.wait():
            raise SystemExit("a run failed")
    return first


if __name__ == "__main__":
    main()
