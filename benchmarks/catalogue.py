"""What the verdict says to tricks: students that only look better than plain distillation's.

    python -m benchmarks.catalogue --protocol mnist-5k --seeds 1-8 --work catalogue

One seed after the other, on one thread; each finished seed is kept in the work folder, and the
same command continues. The table's shares are those of plain distillation's gain at the trick's
own KL: what the class head expresses, and what the reader that finds most finds in the body.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tabulate import tabulate
from torch import Tensor

from benchmarks.students import MADE, Students, completed, train
from benchmarks.tricks import TRICKS
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import parse_seeds
from subliminal_bench.experiment.tracks import measured_every, protocol_named
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.jsonfile import SCHEMA, StrictRecord, read_record, write_record
from subliminal_bench.results.path_record import PathRecord
from subliminal_bench.results.run import MitigationRecord, ProtocolRecord, Run, SeedResult
from subliminal_bench.results.weight_change import WeightChangeRecord
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.words import VerdictWord
from subliminal_bench.training.measurement import measured_outcomes
from subliminal_bench.training.student import ENGINE
from subliminal_bench.training.weight_change import Course

# Of the generator that a trick on a seed draws from.
_GENERATOR_OFFSET = 900
PLAIN = "plain"


class Seed(StrictRecord):
    """One seed's students, measured, by the trick's name."""

    students: dict[str, SeedResult]


@dataclass(frozen=True)
class Row:
    """What the verdict says to a trick."""

    trick: str
    card: Scorecard

    @property
    def word(self) -> VerdictWord:
        assert self.card.verdict is not None
        return self.card.verdict.word

    @property
    def kl_ratio(self) -> float:
        kept = self.card.comparisons[0].distillation
        return kept.ratio if kept else float("nan")

    @property
    def expressed(self) -> float:
        """The larger share that the class head expresses."""
        assert self.card.equal is not None
        return max(share.path for share in self.card.equal.expressed)

    @property
    def latent(self) -> float:
        """The largest share that a reader finds in the body."""
        assert self.card.equal is not None
        return max(share.path for share in self.card.equal.body)

    @property
    def cells(self) -> list[str]:
        assert self.card.verdict is not None
        prevention = self.card.verdict.prevention
        return [
            self.trick,
            self.word.value,
            f"{100 * prevention.estimate:.0f} %" if prevention else "—",
            METRICS[prevention.deciding].title if prevention else "—",
            f"{self.expressed:.2f}",
            f"{self.latent:.2f}",
            f"x{self.kl_ratio:.2f}",
        ]


HEADINGS = ("trick", "word", "prevention", "decided by", "expressed", "in the body", "KL")


def measured(students: Students, known: Seed | None = None) -> Seed:
    """Do every trick to one seed's students, and measure them as every entry is.

    Args:
        students: the seed's.
        known: what is measured already.
    """
    cohort, done = students.cohort, known.students if known else {}
    (seed,) = cohort.seeds
    every = dict(students.parameters)
    for name, (trick, whose) in TRICKS.items():
        changed = students.parameters[whose].clone()
        generator = torch.Generator().manual_seed(seed + _GENERATOR_OFFSET)
        trick(cohort, changed, generator)
        every[name] = changed
    found = {
        name: done.get(name) or _measured(students, changed) for name, changed in every.items()
    }
    path = PathRecord.of(students.path)
    found[PLAIN] = found[PLAIN].model_copy(update={"path": path})
    return Seed(students=found)


def _measured(students: Students, parameters: Tensor) -> SeedResult:
    unaltered = torch.zeros(1, students.cohort.protocol.student_steps, dtype=torch.bool)
    (outcome,) = measured_outcomes(
        students.cohort,
        Course(students.cohort.base_parameters, parameters),
        students.curves,
        unaltered,
    )
    assert outcome.weight_change
    return SeedResult(
        seed=outcome.seed,
        metrics=outcome.metrics,
        diverged_at=outcome.diverged_at,
        weight_change=WeightChangeRecord.of(outcome.weight_change),
    )


def rows(protocol: Protocol, seeds: Sequence[Seed]) -> list[Row]:
    """The verdict on every trick, against plain distillation of the same seeds."""
    baseline = _run(protocol, "baseline", [seed.students[PLAIN] for seed in seeds])
    return [
        Row(
            name,
            build_scorecard(
                _run(protocol, name, [seed.students[name] for seed in seeds]),
                {"baseline": baseline},
            ),
        )
        for name in seeds[0].students
    ]


def _run(protocol: Protocol, name: str, results: list[SeedResult]) -> Run:
    return Run(
        schema_version=SCHEMA,
        protocol=ProtocolRecord.of(protocol),
        mitigation=MitigationRecord(
            name="baseline" if name == "baseline" else "trick",
            title=name,
            access="blind",
            reference="",
            settings={},
            source_sha256="0" * 64,
        ),
        environment=Environment.here("cpu", "this machine", ENGINE),
        seeds=results,
    )


def once_measured(protocol: Protocol) -> Protocol:
    """The protocol with the alignment measured at the first step only."""
    return measured_every(protocol, protocol.student_steps)


def finished(protocol: Protocol, seed: int, digits: Digits, folder: Path) -> Seed:
    """One seed from the folder, or trained and measured where something is missing."""
    weights, numbers = folder / f"seed-{seed:04d}.pt", folder / f"seed-{seed:04d}.json"
    known = read_record(Seed, numbers) if numbers.is_file() else None
    if known and {*TRICKS, *MADE} <= known.students.keys():
        return known

    def tell(what: str) -> None:
        print(f"seed {seed}: {what}", flush=True)

    if weights.is_file():
        students = completed(Students.read(weights, protocol, seed, digits), tell)
    else:
        students = train(protocol, seed, digits, tell)
    students.write(weights)
    found = measured(students, known)
    write_record(numbers, found)
    return found


def main() -> None:
    """Train and measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protocol", default="mnist-5k")
    parser.add_argument("--seeds", default="1-8")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="a folder with MNIST's files")
    given = parser.parse_args()
    torch.set_num_threads(1)
    protocol = once_measured(protocol_named(given.protocol))
    digits = load_digits(protocol, given.data)
    folder = given.work / protocol.label
    folder.mkdir(parents=True, exist_ok=True)
    found = [
        finished(protocol, seed, digits, folder) for seed in parse_seeds(given.seeds, protocol)
    ]
    table = [row.cells for row in rows(protocol, found)]
    print(tabulate(table, HEADINGS, tablefmt="pipe", disable_numparse=True))


if __name__ == "__main__":
    main()
