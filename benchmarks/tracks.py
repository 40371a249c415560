"""What plain distillation passes on under every track and variation.

    python -m benchmarks.tracks --data-dir DATA --seeds 1-3 --work tracks

One student after the other, on one thread; each is kept in the work folder, and the same
command continues. Seeds that the committed baseline has are not trained. A cell has the mean
over the seeds, with the smallest and the largest value.
"""

import argparse
import json
from pathlib import Path

import torch
from tabulate import tabulate

from benchmarks.students import CPU
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.readers import EXPRESSED, LATENT, of_untrained
from subliminal_bench.experiment.seed_ranges import parse_seeds
from subliminal_bench.experiment.tracks import PROTOCOLS, ROBUST, VARIATIONS, protocol_named
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import (
    accuracy,
    kl_on_noise,
    readings,
    skill_accuracy,
)
from subliminal_bench.training.student import final_parameters
from subliminal_bench.training.teacher import train_teachers

Numbers = dict[str, float]

# Columns: a heading, the number, its factor and its decimals.
_COLUMNS = (
    ("start", of_untrained(EXPRESSED), 100, 1),
    ("trait", EXPRESSED, 100, 1),
    ("teacher", "teacher_accuracy", 100, 1),
    ("latent, start", of_untrained(LATENT), 100, 1),
    ("latent", LATENT, 100, 1),
    ("KL, start [mnat]", "kl_initial", 1e3, 2),
    ("KL [mnat]", "kl_fresh", 1e3, 2),
    ("skill, base", "skill_accuracy_initial", 100, 1),
    ("skill", "skill_accuracy", 100, 1),
)


def plain(protocol: Protocol, seed: int, digits: Digits) -> Numbers:
    """One plain student's numbers, and what it started from."""
    teacher = train_teachers(protocol, (seed,), digits, CPU)
    cohort = Cohort(protocol, (seed,), CPU, digits, teacher)
    ended = final_parameters(cohort, load_mitigation(BASELINE))
    found = {
        **readings(cohort, ended),
        EXPRESSED: accuracy(cohort, ended),
        of_untrained(EXPRESSED): accuracy(cohort, cohort.base_parameters),
        "teacher_accuracy": accuracy(cohort, teacher),
        "kl_initial": kl_on_noise(cohort, cohort.start_parameters, fresh=True),
        "kl_fresh": kl_on_noise(cohort, ended, fresh=True),
    }
    if protocol.has_capable_base:
        found |= {
            "skill_accuracy": skill_accuracy(cohort, ended),
            "skill_accuracy_initial": skill_accuracy(cohort, cohort.base_parameters),
        }
    return {name: float(value[0]) for name, value in found.items()}


def kept(protocol: Protocol, seed: int, data_dir: Path | None, folder: Path) -> Numbers:
    """A seed's numbers: from the committed baseline or the work folder, if they are there."""
    known = committed_entry(BASELINE, protocol)
    if known and known.has([seed]):
        (one,) = known.only([seed]).seeds
        return {name: value for name, value in one.metrics.items() if value is not None}
    path = folder / f"{protocol.label}-{seed}.json"
    if not path.is_file():
        digits = load_digits(protocol, data_dir)
        path.write_text(json.dumps(plain(protocol, seed, digits), indent=1))
    found: Numbers = json.loads(path.read_text())
    return found


def row(protocol: Protocol, seeds: list[Numbers]) -> list[str]:
    """A row of the table."""
    cells = []
    for _, name, factor, decimals in _COLUMNS:
        values = [factor * one[name] for one in seeds if name in one]
        if not values:
            cells.append("")
            continue
        mean, low, high = sum(values) / len(values), min(values), max(values)
        spread = f" ({low:.{decimals}f} to {high:.{decimals}f})" if len(values) > 1 else ""
        cells.append(f"{mean:.{decimals}f}{spread}")
    return [protocol.name, *cells]


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seeds", default="1-3")
    parser.add_argument("--work", type=Path, required=True)
    names = [track.name for track in (*ROBUST, *VARIATIONS)]
    parser.add_argument("--tracks", default=",".join(names), help="names with commas")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.work.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in given.tracks.split(","):
        protocol = protocol_named(name)
        seeds = parse_seeds(given.seeds, PROTOCOLS[protocol.name])
        found = [kept(protocol, seed, given.data_dir, given.work) for seed in seeds]
        rows.append(row(protocol, found))
        print("; ".join(rows[-1]), flush=True)
    headings = ["track", *(heading for heading, *_ in _COLUMNS)]
    print(tabulate(rows, headings, "github", disable_numparse=True))


if __name__ == "__main__":
    main()
