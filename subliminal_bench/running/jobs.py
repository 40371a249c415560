"""Jobs: units of training, for this machine or another.

A job contains everything that it needs except the digits, so a worker needs no store.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.running.progress import Watcher
from subliminal_bench.training.blindness import is_blind
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.path import plain_paths
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers


@dataclass(frozen=True)
class Teachers:
    """The teachers that a job has trained: parameters `[parameters]` by seed."""

    trained: dict[int, Tensor]


@dataclass(frozen=True)
class Students:
    """One outcome per seed, for the mitigation at a position among a job's shares."""

    position: int
    outcomes: list[Outcome]


@dataclass(frozen=True)
class BlindnessFound:
    """Whether the mitigation at a position was shown to be blind."""

    position: int
    blind: bool


PartialResult = Teachers | Students | BlindnessFound


@dataclass(frozen=True, eq=False)
class Job:
    """A cohort, and the mitigations under which its students are trained.

    Attributes:
        protocol: the experiment itself, so a worker need not know its name.
        seeds: of the cohort.
        shares: each mitigation with the seeds that it lacks.
        teachers: parameters `[parameters]` of teachers that are already trained, by seed.
    """

    protocol: Protocol
    seeds: tuple[int, ...]
    shares: tuple[tuple[Mitigation, tuple[int, ...]], ...]
    teachers: dict[int, Tensor] = field(default_factory=dict)

    @property
    def students(self) -> int:
        """The number of students that it trains."""
        return sum(len(seeds) for _, seeds in self.shares)

    @property
    def seeds_without_teacher(self) -> tuple[int, ...]:
        """The seeds whose teacher must still be trained."""
        return tuple(seed for seed in self.seeds if seed not in self.teachers)

    def do_share(
        self, position: int, mitigation: Mitigation, cohort: Cohort, watcher: Watcher
    ) -> PartialResult:
        """Train the cohort's students under the mitigation at a position."""
        _tell(watcher, mitigation.name, cohort.seeds)
        per_step = len(cohort.seeds) * _student_step(self.protocol)
        outcomes = train_students(
            cohort, mitigation, lambda steps: watcher.advance(steps * per_step)
        )
        if mitigation.is_plain:
            _tell(watcher, "plain distillation's path", cohort.seeds)
            per_path_step = len(cohort.seeds) * _path_step(self.protocol)
            paths = plain_paths(cohort, lambda steps: watcher.advance(steps * per_path_step))
            outcomes = [
                replace(outcome, path=path)
                for outcome, path in zip(outcomes, paths, strict=True)
            ]
        return Students(position, outcomes)


class BlindnessJob(Job):
    """A job that tests whether mitigations are blind, instead of measuring students."""

    def do_share(
        self, position: int, mitigation: Mitigation, cohort: Cohort, watcher: Watcher
    ) -> PartialResult:
        """Train a student twice: with the digits, and with other audit and test digits."""
        _tell(watcher, f"{mitigation.name}, with other audit and test digits", cohort.seeds)
        return BlindnessFound(position, is_blind(cohort, mitigation))


def do_job(
    job: Job, digits: Digits, device: torch.device, watcher: Watcher
) -> Iterator[PartialResult]:
    """Do a job, part by part: the missing teachers, then one mitigation after the other.

    Args:
        job: to do.
        digits: on `device`.
        device: where to train.
        watcher: receives the progress.

    Raises:
        HookError: a mitigation failed.
    """
    teachers = dict(job.teachers)
    lacking = job.seeds_without_teacher
    if lacking:
        _tell(watcher, "teacher", lacking)
        per_step = len(lacking) * _teacher_step(job.protocol)
        parameters = train_teachers(
            job.protocol,
            lacking,
            digits,
            device,
            lambda steps: watcher.advance(steps * per_step),
        )
        trained = dict(zip(lacking, parameters, strict=True))
        yield Teachers(trained)
        teachers |= trained
    stacked = torch.stack([teachers[seed].to(device) for seed in job.seeds])
    cohort = Cohort(job.protocol, job.seeds, device, digits, stacked)
    for position, (mitigation, seeds) in enumerate(job.shares):
        yield job.do_share(position, mitigation, cohort.subset(seeds), watcher)


def sendable(result: PartialResult) -> PartialResult:
    """The result on the CPU, as copies: sending a row would send the whole tensor."""
    match result:
        case Teachers(trained):
            return Teachers({seed: _alone(row) for seed, row in trained.items()})
        case Students(position, outcomes):
            return Students(position, [_outcome_alone(outcome) for outcome in outcomes])
    return result


def _outcome_alone(outcome: Outcome) -> Outcome:
    curves = {name: _alone(curve) for name, curve in outcome.curves.items()}
    return replace(outcome, curves=curves, parameters=_alone(outcome.parameters))


def _alone(row: Tensor) -> Tensor:
    return row.cpu().clone()


def _tell(watcher: Watcher, what: str, seeds: tuple[int, ...]) -> None:
    """Report what is being trained, and on which seeds."""
    watcher.doing(f"{what}, {seeds_phrase(seeds)}")


def teacher_work(protocol: Protocol) -> int:
    """The work for one seed's teacher: images times passes, of which a step has three."""
    return protocol.teacher_steps * _teacher_step(protocol)


def student_work(protocol: Protocol, mitigation: Mitigation) -> int:
    """The work for one seed's student, including the audit set's gradients.

    Plain distillation is trained once more, for its path, and twice as long.
    """
    path = 2 * protocol.student_steps * _path_step(protocol) if mitigation.is_plain else 0
    return protocol.student_steps * _student_step(protocol) + path


def work_behind(job: Job, result: PartialResult) -> int:
    """The work behind a part of a job; a blindness test counts as none."""
    match result:
        case Teachers(trained):
            return len(trained) * teacher_work(job.protocol)
        case Students(position, outcomes):
            mitigation, _ = job.shares[position]
            return len(outcomes) * student_work(job.protocol, mitigation)
        case BlindnessFound():
            return 0


def _teacher_step(protocol: Protocol) -> int:
    return 3 * protocol.batch


def _path_step(protocol: Protocol) -> int:
    # Reading its points takes about as long as training it does.
    return 6 * protocol.batch


def _student_step(protocol: Protocol) -> int:
    # On average: alignment is not measured at every step of every protocol.
    return 3 * (protocol.batch + -(-protocol.audit_images // protocol.measure_every))
