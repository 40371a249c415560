"""How far rounding alone changes a seed's numbers: the source of the tolerances of `regress`.

Training is chaotic: a difference in the last bit of one weight grows over a few hundred steps.
This program reruns seeds of the committed references with different rounding and writes the
changes of the metrics. Finished seeds are kept in the work folder; the same command continues.

    python -m benchmarks.float_chaos --protocol mnist-5k --seeds 1-10 --work chaos
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import torch
from tabulate import tabulate
from torch import Tensor

from sequential.experiment import SequentialReference
from subliminal_bench.experiment import model
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import parse_seeds, seeds_phrase
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.results.jsonfile import write_record
from subliminal_bench.results.run import ProtocolRecord
from subliminal_bench.results.tolerances import Chaos, Tolerances
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers

CPU = torch.device("cpu")
Metrics = dict[str, float | None]
Runner = Callable[[Protocol, Digits, tuple[int, ...]], dict[str, dict[int, Metrics]]]


def engine(
    protocol: Protocol, digits: Digits, chosen: tuple[int, ...]
) -> dict[str, dict[int, Metrics]]:
    """Metrics by entry and seed, with all seeds in lockstep."""
    cohort = Cohort(
        protocol, chosen, CPU, digits, train_teachers(protocol, chosen, digits, CPU)
    )
    return {
        entry: {one.seed: one.metrics for one in train_students(cohort, load_mitigation(entry))}
        for entry in REFERENCES
    }


def sequential(
    protocol: Protocol, digits: Digits, chosen: tuple[int, ...]
) -> dict[str, dict[int, Metrics]]:
    """The metrics of the plain loop over `nn.Module` and DataLoaders."""
    found: dict[str, dict[int, Metrics]] = {entry: {} for entry in REFERENCES}
    for seed in chosen:
        oracle = SequentialReference(protocol, digits, seed, protocol.dtype)
        for entry in REFERENCES:
            trace = oracle.student(entry)
            steps = len(trace.distill_loss)
            found[entry][seed] = {
                "teacher_accuracy": trace.teacher_accuracy,
                "trait_accuracy": trace.trait_accuracy,
                "kl_final": trace.kl_final,
                "kl_mean": sum(trace.distill_loss) / steps,
                "trait_loss_initial": trace.trait_loss[0],
                "cosine_mean_pre": sum(trace.cosine_pre) / steps,
                "cosine_mean_post": sum(trace.cosine_post) / steps,
            }
    return found


def in_float64(
    protocol: Protocol, digits: Digits, chosen: tuple[int, ...]
) -> dict[str, dict[int, Metrics]]:
    """The engine's metrics in double precision, from the same float32 draws."""
    wide = replace(
        digits,
        images=digits.images.double(),
        test_images=None if digits.test_images is None else digits.test_images.double(),
    )
    return engine(replace(protocol, precision="float64"), wide, chosen)


def last_bit(
    protocol: Protocol, digits: Digits, chosen: tuple[int, ...]
) -> dict[str, dict[int, Metrics]]:
    """The engine's metrics after moving the initialisation by one unit in the last place."""
    with changed(model, "initial_parameters", nudged(sum(chosen))):
        return engine(protocol, digits, chosen)


def nudged(seed: int) -> Callable[[Tensor], Tensor]:
    """A function that moves every weight to the next float above or below it."""

    def nudge(weights: Tensor) -> Tensor:
        up = torch.rand(weights.shape, generator=torch.Generator().manual_seed(seed)) < 0.5
        far = torch.where(up, torch.inf, -torch.inf)
        return torch.where(weights == 0, weights, torch.nextafter(weights, far))

    return nudge


@contextmanager
def changed(module: object, name: str, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Pass the result of a function of the package through `change`, inside the context."""
    original = getattr(module, name)
    with mock.patch.object(
        module, name, lambda *given, **named: change(original(*given, **named))
    ):
        yield


# By name: the function to run, the number of threads, and the number of seeds in lockstep.
VARIANTS: dict[str, tuple[Runner, int, int]] = {
    "again": (engine, 1, 1),
    "two threads": (engine, 2, 1),
    "five in lockstep": (engine, 1, 5),
    "last bit of the initialisation": (last_bit, 1, 1),
    "float64": (in_float64, 1, 1),
    "sequential loop": (sequential, 1, 1),
}

# The metrics that docs/regression.md shows.
SHOWN = (
    "teacher_accuracy",
    "trait_accuracy",
    "trait_loss_initial",
    "trait_loss_final",
    "kl_mean",
    "kl_fresh",
    "cosine_mean_pre",
)


def main() -> None:
    """Run what is missing, and write one file per variant and group of seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protocol", default="mnist-5k")
    parser.add_argument("--seeds", default="1-10")
    parser.add_argument("--variants", help="names joined by commas  [default: all]")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="the leaderboard's folder, for tolerances")
    options = parser.parse_args()
    protocol = protocol_named(options.protocol)
    wanted = parse_seeds(options.seeds, protocol)
    digits = load_digits(protocol, options.data_dir)
    # For a protocol in double precision there is no wider precision to compare with.
    possible = [name for name in VARIANTS if name != protocol.precision]
    for name in options.variants.split(",") if options.variants else possible:
        runner, threads, lockstep = VARIANTS[name]
        torch.set_num_threads(threads)
        for begin in range(0, len(wanted), lockstep):
            chosen = wanted[begin : begin + lockstep]
            path = options.work / protocol.label / name / f"{chosen[0]}-{chosen[-1]}.json"
            if path.exists():
                continue
            found = runner(protocol, digits, chosen)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found))
            print(name, seeds_phrase(chosen), flush=True)
    measured = gathered(protocol, options.work / protocol.label)
    if options.write:
        path = options.write / "tolerances" / f"{protocol.name}.json"
        write_record(path, measured)
        print(f"written: {path}")
    print(table(measured))


def gathered(protocol: Protocol, folder: Path) -> Tolerances:
    """Every finished rerun minus the committed reference numbers."""
    chaos = []
    for entry in REFERENCES:
        reference = committed_entry(entry, protocol)
        if reference is None:
            raise SystemExit(f"{entry} has no committed numbers under {protocol.label}")
        before = {result.seed: result.metrics for result in reference.seeds}
        # Results of an earlier engine count too: they are another rounding.
        for variant in sorted(path.name for path in folder.iterdir()):
            differences: dict[str, list[float]] = {}
            for path in sorted((folder / variant).glob("*.json")):
                for seed, metrics in json.loads(path.read_text())[entry].items():
                    for name, after in metrics.items():
                        moved = after - (before[int(seed)][name] or 0.0)
                        differences.setdefault(name, []).append(moved)
            chaos += [
                Chaos(variant=variant, entry=entry, metric=name, differences=moved)
                for name, moved in differences.items()
            ]
    return Tolerances(schema_version=1, protocol=ProtocolRecord.of(protocol), chaos=chaos)


def table(measured: Tolerances) -> str:
    """Root mean square and largest difference of some metrics, as markdown."""
    rows = []
    variants = sorted({one.variant for one in measured.chaos})
    for metric in SHOWN:
        for entry in REFERENCES:
            found = {
                one.variant: one
                for one in measured.chaos
                if (one.metric, one.entry) == (metric, entry)
            }
            cells = [
                f"{found[name].root_mean_square:.0e} / {found[name].largest:.0e}"
                if name in found
                else "-"
                for name in variants
            ]
            rows.append([metric, entry, *cells])
    return tabulate(rows, ["metric", "entry", *variants], tablefmt="github")


if __name__ == "__main__":
    main()
