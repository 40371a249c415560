"""The whole paper: train seeds of all three references, with all measurements.

    python -m benchmarks.whole_paper --seeds 1-100 --device cuda --data-dir MNIST

It prints wall time, the rate of the arithmetic and the memory; no result is kept.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import torch

from benchmarks import arithmetic
from subliminal_bench.experiment.seed_ranges import parse_seeds
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.reports import text
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.scoring.scorecard import side_by_side
from subliminal_bench.training.device import choose_device, device_name


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protocol", default="mnist")
    parser.add_argument("--seeds", default="1-100")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    protocol = protocol_named(options.protocol)
    wanted = parse_seeds(options.seeds, protocol)
    where = choose_device(options.device)
    rates = arithmetic.peak(where)
    entries = [load_mitigation(name) for name in REFERENCES]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="subliminal-bench-") as folder:
        bench = Bench(protocol, where, Store(Path(folder)), options.data_dir)
        runs = dict(zip(REFERENCES, bench.run(entries, wanted), strict=True))
    text.show(side_by_side(runs, []), "terminal")
    wall = time.perf_counter() - began

    one = arithmetic.student(protocol) + arithmetic.measuring(protocol)
    operations = len(wanted) * (arithmetic.teacher(protocol) + len(entries) * one)
    best = max(rates.values())
    print(f"{device_name(where)}, torch {torch.__version__}")
    print(f"{len(wanted)} seeds x {len(entries)} entries of {protocol.label}: {wall:.1f} s")
    print(
        f"{operations / wall / 1e12:.2f} TFLOP/s, {100 * operations / wall / best:.0f} % of "
        f"the {best / 1e12:.2f} that large float32 products reach here"
    )
    if where.type == "cuda":
        print(f"memory: {torch.cuda.max_memory_allocated(where) / 2**30:.1f} GiB of the GPU")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"memory: {memory:.1f} GiB of the host")


if __name__ == "__main__":
    main()
