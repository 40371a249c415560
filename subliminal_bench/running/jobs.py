"""Jobs: what is trained in one go, on this machine or on another.

A job carries all that it needs but the digits, so that whoever does it needs no store.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.running.progress import Watcher
from subliminal_bench.training.blindness import is_blind
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import Outcome
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers


@dataclass(frozen=True, eq=False)
class Job:
    """A cohort, and the mitigations that its students are trained under.

    Attributes:
        protocol: the experiment itself: whoever does the job need not know its name.
        seeds: of the cohort.
        shares: each mitigation with those of the seeds that it lacks.
        teachers: parameters `[parameters]` of the teachers that are trained already, by seed.
        blindfolded: train each mitigation on other audit and test digits too, and say whether
            that changed it, in place of measuring.
    """

    protocol: Protocol
    seeds: tuple[int, ...]
    shares: tuple[tuple[Mitigation, tuple[int, ...]], ...]
    teachers: dict[int, Tensor] = field(default_factory=dict)
    blindfolded: bool = False

    @property
    def claims(self) -> int:
        """Finished seeds of entries that it makes."""
        return sum(len(mine) for _, mine in self.shares)

    @property
    def untaught(self) -> tuple[int, ...]:
        """Seeds whose teacher is still to be trained."""
        return tuple(seed for seed in self.seeds if seed not in self.teachers)


@dataclass(frozen=True)
class Teachers:
    """Teachers that a job has trained: parameters `[parameters]` by seed."""

    trained: dict[int, Tensor]


@dataclass(frozen=True)
class Students:
    """One outcome a seed of the mitigation at that position among a job's shares."""

    position: int
    outcomes: list[Outcome]


@dataclass(frozen=True)
class BlindnessFound:
    """Whether the mitigation at that position was shown to be blind."""

    position: int
    blind: bool


PartialResult = Teachers | Students | BlindnessFound


def do_job(
    job: Job, digits: Digits, device: torch.device, watcher: Watcher
) -> Iterator[PartialResult]:
    """Do a job, piece by piece: the teachers it lacks, then one mitigation after the other.

    Args:
        job: what to train.
        digits: on `device`.
        device: where to train.
        watcher: told what is done, and the work of it.

    Raises:
        HookError: a mitigation failed.
    """
    teachers = dict(job.teachers)
    if job.untaught:
        doing(watcher, "teacher", job.untaught)
        step = len(job.untaught) * _teacher_step(job.protocol)
        parameters = train_teachers(
            job.protocol,
            job.untaught,
            digits,
            device,
            lambda steps: watcher.advance(steps * step),
        )
        trained = dict(zip(job.untaught, parameters, strict=True))
        yield Teachers(trained)
        teachers |= trained
    stacked = torch.stack([teachers[seed].to(device) for seed in job.seeds])
    cohort = Cohort(job.protocol, job.seeds, device, digits, stacked)
    for position, (mitigation, mine) in enumerate(job.shares):
        if job.blindfolded:
            doing(watcher, f"{mitigation.name}, blindfolded", mine)
            yield BlindnessFound(position, is_blind(cohort.of(mine), mitigation))
        else:
            doing(watcher, mitigation.name, mine)
            step = len(mine) * _student_step(job.protocol)
            yield Students(
                position,
                train_students(
                    cohort.of(mine),
                    mitigation,
                    lambda steps, step=step: watcher.advance(steps * step),  # type: ignore[misc]
                ),
            )


def doing(watcher: Watcher, what: str, chosen: tuple[int, ...]) -> None:
    """Tell what is trained, on which seeds."""
    watcher.doing(f"{what}, {seeds_phrase(chosen)}")


def teacher_work(protocol: Protocol) -> int:
    """Work of one seed's teacher: images pushed forward and back (three passes)."""
    return protocol.teacher_steps * _teacher_step(protocol)


def student_work(protocol: Protocol) -> int:
    """Work of one seed's student, the audit set's gradients included."""
    return protocol.student_steps * _student_step(protocol)


def work(job: Job, piece: PartialResult) -> int:
    """Work behind a piece of a job; none is counted for a blindfold."""
    match piece:
        case Teachers(trained):
            return len(trained) * teacher_work(job.protocol)
        case Students(_, outcomes):
            return len(outcomes) * student_work(job.protocol)
        case BlindnessFound():
            return 0


def _teacher_step(protocol: Protocol) -> int:
    return 3 * protocol.batch


def _student_step(protocol: Protocol) -> int:
    return 3 * (protocol.batch + protocol.audit_images)
