"""A job that workers are doing, with the locks that this process holds for it."""

from contextlib import ExitStack
from dataclasses import dataclass

from subliminal_bench.errors import ResultError
from subliminal_bench.results.folders import (
    BLINDNESS,
    RunFolder,
    TeacherFolder,
    check_teacher,
)
from subliminal_bench.results.locks import Locks
from subliminal_bench.results.run import Blindness
from subliminal_bench.results.self_check import check_seed
from subliminal_bench.running.jobs import (
    BlindnessFound,
    Job,
    PartialResult,
    Students,
    Teachers,
)


@dataclass(frozen=True)
class LockedJob:
    """A job that workers are doing, with the locks that this process holds for it.

    Attributes:
        job: the job.
        folders: for the outcomes, one per share.
        teachers: folder for the teachers.
        own_teachers: the seeds whose teachers this process has locked.
        teacher_locks: the locks on those teachers.
        held: all locks.
        self_check: whether impossible numbers are refused.
        keep_weights: whether the students' weights are saved.
    """

    job: Job
    folders: list[RunFolder]
    teachers: TeacherFolder
    own_teachers: set[int]
    teacher_locks: Locks
    held: ExitStack
    self_check: bool
    keep_weights: bool

    def save(self, result: PartialResult | None) -> bool:
        """Save a part of the job at once; return whether the job continues."""
        match result:
            case Teachers(trained):
                for seed in sorted(self.own_teachers & trained.keys()):
                    self._refuse(seed, check_teacher(self.job.protocol, seed, trained[seed]))
                    self.teachers.save(seed, trained[seed])
                self.teacher_locks.release()
            case Students(position, outcomes):
                starts = self.job.shares[position][0].starts
                for outcome in outcomes:
                    wrong = check_seed(
                        self.job.protocol, outcome.seed, outcome.metrics, starts=starts
                    )
                    self._refuse(outcome.seed, wrong)
                    self.folders[position].save(outcome, self.keep_weights)
            case BlindnessFound(position, blind):
                found = Blindness(seed=self.job.seeds[0], shown=blind)
                BLINDNESS.write(self.folders[position].path, found)
        return result is not None

    def _refuse(self, seed: int, wrong: str | None) -> None:
        """Save nothing of a seed with an impossible number.

        Raises:
            ResultError: what is wrong with it.
        """
        if wrong and self.self_check:
            raise ResultError(
                f"seed {seed}: {wrong}; it is not saved",
                "something in this process, or on this machine, changes what torch computes",
            )
