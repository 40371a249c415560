"""What plugins, honest recipes and tricks do to the weights, beside plain distillation.

    python -m benchmarks.weight_changes --protocol mnist-5k --seeds 1-2 --work changes

One student after the other, on one thread; each is kept in the work folder, and the same
command continues. A cell has the smallest and the largest value over the seeds.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from tabulate import tabulate

from benchmarks.catalogue import once_measured
from benchmarks.recipes import RECIPES
from benchmarks.students import CPU
from benchmarks.tricks import TRICKS
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import parse_seeds
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.experiment.weight_parts import HIDDEN, PARTS
from subliminal_bench.mitigation.builtin import BASELINE, built_in_names
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import WeightChange
from subliminal_bench.training.student import course_of
from subliminal_bench.training.teacher import train_teachers
from subliminal_bench.training.weight_change import Course, UpdateTally, weight_changes
from tests.support.plugins_for_tests import plugin

_GENERATOR_OFFSET = 900


def changes(
    protocol: Protocol,
    seed: int,
    digits: Digits,
    folder: Path,
    tell: Callable[[str], None] = lambda what: None,
) -> Iterator[tuple[str, WeightChange]]:
    """What every plugin, recipe and trick does to one seed's weights, by name."""
    teacher = train_teachers(protocol, (seed,), digits, CPU)
    cohort = Cohort(protocol, (seed,), CPU, digits, teacher)
    courses: dict[str, Course] = {}
    made = {name: load_mitigation(name) for name in built_in_names()}
    made |= {name: Mitigation((plugin("recipe", **hooks),)) for name, hooks in RECIPES.items()}
    for name, mitigation in made.items():
        path = folder / f"{seed}-{name.replace('`', '').replace(' ', '-')}.pt"
        if not path.is_file():
            tell(name)
            _write(path, course_of(cohort, mitigation))
        courses[name] = _read(path)
        yield name, _change(cohort, courses[name])
    for name, (trick, whose) in TRICKS.items():
        course = courses[BASELINE if whose == "plain" else whose]
        changed = course.ended.clone()
        trick(cohort, changed, torch.Generator().manual_seed(seed + _GENERATOR_OFFSET))
        yield name, _change(cohort, replace(course, ended=changed))


def _change(cohort: Cohort, course: Course) -> WeightChange:
    (found,) = weight_changes(cohort.layout, cohort.protocol.classes, course)
    assert found, "a student diverged"
    return found


def _write(path: Path, course: Course) -> None:
    tally = vars(course.tally) if course.tally else None
    torch.save({**vars(course), "tally": tally}, path)


def _read(path: Path) -> Course:
    kept = torch.load(path, weights_only=True)
    return Course(**{**kept, "tally": UpdateTally(**kept["tally"]) if kept["tally"] else None})


HEADINGS = (
    "",
    *PARTS.values(),
    "units exchanged",
    "rescaled by",
    "at most",
    "unexplained",
)


def cells(found: list[WeightChange], plain: list[WeightChange]) -> list[str]:
    """A row: displacement against plain distillation's, and what became of the units.

    Plain distillation leaves the class head alone, so that is shown against its own size.
    """
    moved = [
        [
            one.displacement[part] / (base.displacement[part] or one.size[part])
            for one, base in zip(found, plain, strict=True)
        ]
        for part in PARTS
    ]
    worst = [
        [max(getattr(one, field)[layer] for layer in HIDDEN) for one in found]
        for field in ("exchanged", "rescaled", "rescaled_most")
    ]
    unexplained = [one.unexplained for one in found if one.unexplained is not None]
    return [_span(values) if values else "–" for values in (*moved, *worst, unexplained)]


def _span(values: list[float]) -> str:
    shown = [f"{one:.2f}" if one < 10 else f"{one:.0f}" for one in (min(values), max(values))]
    return shown[0] if shown[0] == shown[1] else " to ".join(shown)


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protocol", default="mnist-5k")
    parser.add_argument("--seeds", default="1-2")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="a folder with MNIST's files")
    given = parser.parse_args()
    torch.set_num_threads(1)
    protocol = once_measured(protocol_named(given.protocol))
    digits = load_digits(protocol, given.data)
    folder = given.work / protocol.label
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[WeightChange]] = {}
    for seed in parse_seeds(given.seeds, protocol):
        for name, change in changes(
            protocol, seed, digits, folder, lambda what: print(what, flush=True)
        ):
            found.setdefault(name, []).append(change)
    rows = [[name, *cells(each, found[BASELINE])] for name, each in found.items()]
    print(tabulate(rows, HEADINGS, tablefmt="pipe", disable_numparse=True))


if __name__ == "__main__":
    main()
