"""Are the readers good readers? A meta-evaluation, as the unlearning field does it.

    python -m benchmarks.readers --protocol mnist-5k --seeds 1-20 --work readers

A faithful reader tells models that have learned the trait (the teacher, plain distillation at
several lengths) from models that have not (untrained, another start, distilled from a teacher
that was trained on shuffled labels). A robust reader is unmoved by what changes no behaviour:
permuted and rescaled units, weights rounded to bfloat16; and moves little with some more steps
or another order of the noise. Finished seeds are kept in the work folder.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from tabulate import tabulate
from torch import Tensor

from subliminal_bench.experiment import model
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.readers import EXPRESSED, READERS
from subliminal_bench.experiment.seed_ranges import parse_seeds
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.reading.readings import read
from subliminal_bench.scoring.statistics import at_equal_distillation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import accuracy, kl_on_noise, under_initial_head
from subliminal_bench.training.path import path_steps, plain_students
from subliminal_bench.training.student import final_parameters
from subliminal_bench.training.teacher import train_teachers

CPU = torch.device("cpu")
LENGTHS = (60, 150, 295, 590)
HAVE = ("teacher", *(f"plain, {steps} steps" for steps in LENGTHS))
HAVE_NOT = ("untrained", "another start", "a teacher of shuffled labels")
HARMLESS = ("permuted units", "rescaled units", "bfloat16 weights")
LITTLE = ("10 more steps", "another order")
NAMES = (*READERS, "noise_fit", "cka", "initial_head_accuracy")
Found = dict[str, dict[str, float]]


def main() -> None:
    """Train and read what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protocol", default="mnist-5k")
    parser.add_argument("--seeds", default="1-20")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = protocol_named(options.protocol)
    digits = load_digits(protocol, options.data_dir)
    every = []
    for seed in parse_seeds(options.seeds, protocol):
        path = options.work / protocol.label / f"{seed}.json"
        if not path.exists():
            found = of_seed(protocol, seed, digits)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found))
            print(f"seed {seed}", flush=True)
        every.append(json.loads(path.read_text()))
    print(table(every))


def of_seed(protocol: Protocol, seed: int, digits: Digits) -> Found:
    """Every model's readings and KL, by the model's name; `path` has them point by point."""
    cohort = Cohort(
        protocol, (seed,), CPU, digits, train_teachers(protocol, (seed,), digits, CPU)
    )
    evidence = cohort.evidence(0)

    def readings(parameters: Tensor) -> dict[str, float]:
        found = {name: float(value) for name, value in read(evidence, parameters[0]).items()}
        found[EXPRESSED] = float(accuracy(cohort, parameters.to(protocol.dtype)))
        head = under_initial_head(cohort, parameters.to(protocol.dtype))
        found["initial_head_accuracy"] = float(accuracy(cohort, head))
        found["kl"] = float(kl_on_noise(cohort, parameters.to(protocol.dtype), fresh=True))
        return found

    points = dict(plain_students(cohort))
    end = points[protocol.student_steps]
    models = {
        "teacher": cohort.teacher_parameters,
        **{f"plain, {steps} steps": points[steps] for steps in LENGTHS},
        "untrained": cohort.base_parameters,
        "another start": final_parameters(cohort, load_mitigation("other_initialisation")),
        "a teacher of shuffled labels": distilled_from_shuffled(cohort),
        "permuted units": permuted(cohort, end),
        "rescaled units": rescaled(cohort, end),
        "bfloat16 weights": end.bfloat16().to(end.dtype),
        "10 more steps": points[protocol.student_steps + 10],
        "another order": in_another_order(cohort),
    }
    found = {name: readings(parameters) for name, parameters in models.items()}
    along = [readings(points[step]) for step in path_steps(protocol.student_steps)]
    matched = at_equal_distillation(
        found["another order"]["kl"],
        np.array([one["kl"] for one in along]),
        np.array([[one[name] for name in NAMES] for one in along]),
    )
    found["plain at the KL of another order"] = dict(
        zip(NAMES, map(float, matched.values), strict=True)
    )
    return found


def distilled_from_shuffled(cohort: Cohort) -> Tensor:
    """Plain distillation from a teacher that was trained on shuffled labels."""
    digits, protocol = cohort.digits, cohort.protocol
    order = torch.randperm(len(digits.labels), generator=torch.manual_seed(cohort.seeds[0]))
    shuffled = replace(digits, labels=digits.labels[order])
    teachers = train_teachers(protocol, cohort.seeds, shuffled, CPU)
    other = Cohort(protocol, cohort.seeds, CPU, digits, teachers)
    return final_parameters(other, load_mitigation("baseline"))


def in_another_order(cohort: Cohort) -> Tensor:
    """Plain distillation on the same noise in another order."""
    protocol = replace(cohort.protocol, noise_order_offset=900)
    return final_parameters(replace(cohort, protocol=protocol), load_mitigation("baseline"))


def permuted(cohort: Cohort, parameters: Tensor) -> Tensor:
    """The same function, with each hidden layer's units in another order."""
    changed = parameters.clone()
    parts = cohort.layout.named(changed)
    for layer in (1, 2):
        order = torch.randperm(cohort.protocol.hidden, generator=torch.manual_seed(layer))
        for name in ("weight", "bias"):
            part = parts[f"fc{layer}.{name}"]
            part.copy_(part[:, order].clone())
        following = parts[f"fc{layer + 1}.weight"]
        following.copy_(following[:, :, order].clone())
    return changed


def rescaled(cohort: Cohort, parameters: Tensor) -> Tensor:
    """The same function, with units scaled by a hundredth to a hundred; in float64."""
    changed = parameters.double().clone()
    parts = cohort.layout.named(changed)
    factor = torch.logspace(-2, 2, cohort.protocol.hidden, dtype=torch.float64)
    for layer in (1, 2):
        parts[f"fc{layer}.weight"].mul_(factor[:, None])
        parts[f"fc{layer}.bias"].mul_(factor)
        parts[f"fc{layer + 1}.weight"].div_(factor)
    assert model.layout(cohort.protocol) == cohort.layout
    return changed


def table(every: list[Found]) -> str:
    """One row per reader, as markdown."""
    rows = []
    for name in NAMES:
        value = {
            model: np.array([found[model][name] for found in every])
            for model in every[0]
            if name in every[0][model]
        }
        untrained = value["untrained"]
        gain = value["plain, 295 steps"] - untrained

        def share(model: str) -> float:
            return float((value[model] - untrained).mean() / gain.mean())  # noqa: B023

        high, low = (
            np.concatenate([value[one] for one in group]) for group in (HAVE, HAVE_NOT)
        )
        told = stats.mannwhitneyu(high, low).statistic / (len(high) * len(low))
        moved = max(
            float(np.abs(value[one] - value["plain, 295 steps"]).max()) for one in HARMLESS
        )
        off = value["another order"] - value["plain at the KL of another order"]
        error = off.std(ddof=1) / gain.mean() * np.sqrt(1 / 20) if len(off) > 1 else np.nan
        rows.append(
            [
                name,
                f"{told:.3f}",
                *(f"{share(one):.2f}" for one in (*HAVE[1:3], *HAVE[4:], *HAVE_NOT[1:])),
                f"{100 * moved:.2f}",
                f"{share(LITTLE[0]):.2f}",
                f"{1 + off.mean() / gain.mean():.2f}",
                f"{100 * error:.1f}",
            ]
        )
    headings = [
        "reader",
        "tells apart",
        *("60 steps", "150 steps", "590 steps", "another start", "shuffled labels"),
        "harmless changes [points]",
        "10 more steps",
        "another order, at its KL",
        "its error at 20 seeds [%]",
    ]
    return tabulate(rows, headings, "github", disable_numparse=True)


if __name__ == "__main__":
    main()
