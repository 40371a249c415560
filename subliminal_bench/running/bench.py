"""Running mitigations: train the missing seeds in cohorts and save them in the store."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.experiment.torch_state import pinned_torch
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.folders import BLINDNESS, TWIN, RunFolder, TwinLink
from subliminal_bench.results.locks import Locks
from subliminal_bench.results.run import Run, Twin
from subliminal_bench.results.self_check import check_run
from subliminal_bench.results.store import Store
from subliminal_bench.running.engine import LOCAL, Engine, Needs, Workers
from subliminal_bench.running.jobs import (
    BlindnessJob,
    Job,
    Students,
    student_work,
    teacher_work,
)
from subliminal_bench.running.locked_job import LockedJob
from subliminal_bench.running.progress import SILENT, Watcher
from subliminal_bench.threads import no_more_threads_than_cores
from subliminal_bench.training.device import device_kind
from subliminal_bench.training.student import ENGINE

# Each lock is an open file, and many systems allow a process only 1,024 of them.
_MOST_LOCKS = 512
# Seconds between two checks of whether another process has finished or died.
_POLL = 0.5

# A mitigation, the folder of its results, and some of its seeds.
Share = tuple[Mitigation, RunFolder, tuple[int, ...]]
# Receives a mitigation's name, a seed and its metrics.
Finished = Callable[[str, int, Mapping[str, float | None]], None]


def _ignore(name: str, seed: int, metrics: Mapping[str, float | None]) -> None:
    """Do nothing with a finished seed."""


@dataclass(frozen=True)
class Bench:
    """The set-up in which mitigations run.

    Attributes:
        protocol: the experiment.
        device: where to train.
        store: keeps finished seeds.
        data_dir: folder with MNIST's files; see `load_digits`.
        watcher: receives the progress.
        engine: trains; it never touches the store.
        self_check: whether impossible numbers are refused; see `results.self_check`.
        keep_weights: whether the store keeps the students' weights.
    """

    protocol: Protocol
    device: torch.device
    store: Store
    data_dir: Path | None = None
    watcher: Watcher = SILENT
    engine: Engine = LOCAL
    self_check: bool = True
    keep_weights: bool = True

    def run(
        self,
        mitigations: Sequence[Mitigation],
        wanted: tuple[int, ...],
        show_blind: Collection[Mitigation] = (),
        finished: Finished = _ignore,
    ) -> list[Run]:
        """Run every mitigation on the wanted seeds, except for seeds that the store has.

        All mitigations that lack a cohort's seeds share its teachers and noise. The results of
        one mitigation are saved before the results of the next are awaited.

        Args:
            mitigations: to run.
            wanted: the seeds.
            show_blind: those mitigations that are also tested for blindness, once each.
            finished: called with every seed that is trained here, once it is saved.

        Raises:
            DataError: the digits are missing or damaged.
            HookError: a mitigation failed; seeds finished before stay in the store.
            EngineError: a cluster lost its workers too often; finished seeds stay likewise.

        Returns:
            One run per mitigation, with only the wanted seeds.
        """
        without = [one.name for one in mitigations if one.is_plain and one.name != BASELINE]
        if without:
            self.watcher.say(
                f"{', '.join(without)} has no hook besides its card: it is plain distillation, "
                "bit for bit"
            )
        for mitigation in mitigations:
            for place in mitigation.untold:
                self.watcher.say(
                    f"{mitigation.name}: {place}, may load what its source does not tell; "
                    "its results are not reused"
                )
            if mitigation.undone:
                undone = ", ".join(mitigation.undone)
                self.watcher.say(
                    f"{mitigation.name}: its file changes torch's {undone}; "
                    "results are computed without that"
                )
        folders = [self._folder(mitigation) for mitigation in mitigations]
        missing = [
            set(folder.lacking(wanted, path=mitigation.is_plain))
            for mitigation, folder in zip(mitigations, folders, strict=True)
        ]
        self._say_what_is_old(mitigations, folders, missing)
        if any(missing) and self.self_check:
            # Before hours of training, not only after.
            for mitigation, folder, lacking in zip(mitigations, folders, missing, strict=True):
                stored = sorted(set(wanted) - lacking)
                if stored:
                    self._check(mitigation, folder.run(stored))
        with pinned_torch() as overridden, no_more_threads_than_cores():
            if overridden:
                self.watcher.say(
                    f"this process sets {', '.join(overridden)}; "
                    "results are computed without that"
                )
            if any(missing):
                self._run_missing(mitigations, folders, missing, finished)
            self._show_blindness(show_blind, wanted[0])
        for folder in folders:
            folder.mark_used()
        runs = [folder.run(wanted) for folder in folders]
        for mitigation, run in zip(mitigations, runs, strict=True):
            # Another process may have saved some of the seeds.
            self._check(mitigation, run)
        return runs

    def _check(self, mitigation: Mitigation, run: Run) -> None:
        """Refuse a run with an impossible seed."""
        if self.self_check:
            check_run(run, self.protocol, starts=mitigation.starts)

    def has(self, mitigation: Mitigation, wanted: tuple[int, ...]) -> bool:
        """Whether the store has all these seeds of the mitigation's current version."""
        return not self._folder(mitigation).lacking(wanted, path=mitigation.is_plain)

    def with_twin(self, run: Run, mitigation: Mitigation, twin: Mitigation, found: Run) -> Run:
        """A run with its twin's results; the store remembers which run that is."""
        settings = {
            name: value
            for name, value in twin.settings.items()
            if value != mitigation.settings[name]
        }
        link = TwinLink(settings=settings, folder=self._folder(twin).path.name)
        TWIN.write(self._folder(mitigation).path, link)
        return run.model_copy(update={"twin": Twin(settings=settings, seeds=found.seeds)})

    def _say_what_is_old(
        self,
        mitigations: Sequence[Mitigation],
        folders: Sequence[RunFolder],
        missing: Sequence[set[int]],
    ) -> None:
        """Say which finished seeds are trained again, and why."""
        for mitigation, folder, lacking in zip(mitigations, folders, missing, strict=True):
            old = folder.finished(lacking)
            if old:
                self.watcher.say(
                    f"{mitigation.name}: {seeds_phrase(old)} in the store lack what this "
                    "version measures; they are trained again"
                )

    @cached_property
    def environment(self) -> Environment:
        """The environment of the results that are computed here."""
        facts = self.engine.facts(self.device)
        return Environment.here(device_kind(self.device), facts.name, ENGINE, facts.arithmetic)

    def _folder(self, mitigation: Mitigation) -> RunFolder:
        return self.store.run_folder(self.protocol, mitigation, self.environment)

    @contextmanager
    def _workers(self, mitigations: Sequence[Mitigation], seeds: int) -> Iterator[Workers]:
        self.watcher.doing("reading the digits")
        digits = load_digits(self.protocol, self.data_dir, self.watcher.say)
        needs = Needs(
            self.protocol, digits, self.device, self.watcher, seeds, tuple(mitigations)
        )
        with self.engine.workers(needs) as workers:
            yield workers

    def _show_blindness(self, mitigations: Collection[Mitigation], seed: int) -> None:
        """Test each mitigation for blindness with one seed, and record the result."""
        folders = [(one, self._folder(one)) for one in mitigations]
        unshown = [(one, at) for one, at in folders if BLINDNESS.read(at.path) is None]
        if not unshown:
            return
        with self._workers([one for one, _ in unshown], 1) as workers:
            for mitigation, folder in unshown:
                with ExitStack() as held:
                    BLINDNESS.lock(folder.path, held.enter_context(Locks()))
                    # Another process may have done it while this one waited.
                    if BLINDNESS.read(folder.path) is None:
                        shares = [(mitigation, folder, (seed,))]
                        locked = self._locked_job(BlindnessJob, shares, held, wait=True)
                        with locked.held:
                            workers.begin(locked.job)
                            while locked.save(workers.take()[1]):
                                pass

    def _run_missing(
        self,
        mitigations: Sequence[Mitigation],
        folders: Sequence[RunFolder],
        missing: Sequence[set[int]],
        finished: Finished,
    ) -> None:
        unfinished = len(set().union(*missing))
        running: dict[Job, LockedJob] = {}
        with self._workers(mitigations, unfinished) as workers, _released(running):
            self.watcher.total(
                unfinished * teacher_work(self.protocol)
                + sum(
                    len(seeds) * student_work(self.protocol, mitigation)
                    for mitigation, seeds in zip(mitigations, missing, strict=True)
                )
            )
            size = self.engine.cohort_size(self.protocol, self.device, unfinished)
            left, waiting = [set(seeds) for seeds in missing], ""
            while any(left) or running:
                locked = (
                    self._next_job(mitigations, folders, left, size, running)
                    if any(left) and workers.has_room
                    else None
                )
                if locked:
                    running[locked.job] = locked
                    workers.begin(locked.job)
                elif running:
                    job, result = workers.take()
                    if not running[job].save(result):
                        running.pop(job).held.close()
                    if isinstance(result, Students):
                        mitigation, _ = job.shares[result.position]
                        for outcome in result.outcomes:
                            finished(mitigation.name, outcome.seed, outcome.metrics)
                else:
                    waiting = self._wait(mitigations, left, waiting)

    def _next_job(
        self,
        mitigations: Sequence[Mitigation],
        folders: Sequence[RunFolder],
        left: Sequence[set[int]],
        size: int,
        running: Mapping[Job, "LockedJob"],
    ) -> LockedJob | None:
        """Lock a cohort and remove it from `left`; None if nothing can be locked."""
        room = _MOST_LOCKS - sum(job.students for job in running)
        most = max(room // len(folders), 0 if running else 1)
        with ExitStack() as held:
            locks = held.enter_context(Locks())
            locked = self._lock_cohort(mitigations, folders, left, locks, min(size, most))
            shares = [
                (mitigation, folder, tuple(seeds))
                for mitigation, folder, seeds in zip(mitigations, folders, locked, strict=True)
                if seeds
            ]
            if not shares:
                return None
            # Waiting while holding locks that others wait for could be a deadlock.
            job = self._locked_job(Job, shares, held, wait=not running)
        for remaining, seeds in zip(left, locked, strict=True):
            remaining.difference_update(seeds)
        return job

    def _lock_cohort(
        self,
        mitigations: Sequence[Mitigation],
        folders: Sequence[RunFolder],
        left: Sequence[set[int]],
        locks: Locks,
        size: int,
    ) -> list[list[int]]:
        """Lock a cohort: in each folder the seeds that no other process works on.

        Seeds that another process has finished in the meantime are removed from `left`.
        """
        locked: list[list[int]] = [[] for _ in folders]
        for seed in sorted(set().union(*left)):
            if len(set().union(*locked)) == size:
                break
            for mitigation, folder, remaining, seeds in zip(
                mitigations, folders, left, locked, strict=True
            ):
                if seed not in remaining:
                    continue
                # Checked again under the lock: its previous owner may just have finished it.
                path = mitigation.is_plain
                lacking = bool(folder.lacking([seed], path=path))
                is_locked = lacking and folder.lock(seed, locks)
                if not folder.lacking([seed], path=path):
                    remaining.discard(seed)
                    self.watcher.advance(student_work(self.protocol, mitigation))
                elif is_locked:
                    seeds.append(seed)
        return locked

    def _locked_job(
        self, kind: type[Job], shares: Sequence[Share], held: ExitStack, *, wait: bool
    ) -> LockedJob:
        """A job with the teachers that the store has, and locks on the other teachers.

        Args:
            kind: of job.
            shares: to train.
            held: the locks on these seeds, which the job takes over.
            wait: whether to wait for teachers that another process is training; otherwise they
                are trained here too.
        """
        folder = self.store.teachers(self.protocol, self.environment)
        seeds = tuple(sorted(set().union(*(seeds for _, _, seeds in shares))))
        kept = {seed: folder.load(seed) for seed in seeds}
        teacher_locks = held.enter_context(Locks())
        own = set()
        # Always in the same order, so that no two processes wait for each other.
        for seed in [seed for seed, teacher in kept.items() if teacher is None]:
            if folder.lock(seed, teacher_locks, wait):
                own.add(seed)
            kept[seed] = folder.load(seed)
        teachers = {seed: teacher for seed, teacher in kept.items() if teacher is not None}
        self.watcher.advance(len(teachers) * teacher_work(self.protocol))
        job = kind(
            self.protocol,
            seeds,
            tuple((mitigation, own_seeds) for mitigation, _, own_seeds in shares),
            teachers,
        )
        if not job.seeds_without_teacher:
            teacher_locks.release()
        folders = [run_folder for _, run_folder, _ in shares]
        return LockedJob(
            job,
            folders,
            folder,
            own,
            teacher_locks,
            held.pop_all(),
            self.self_check,
            self.keep_weights,
        )

    def _wait(
        self, mitigations: Sequence[Mitigation], left: Sequence[set[int]], said: str
    ) -> str:
        """Wait a moment: other processes are training everything left, and may be killed.

        Prints once what it is waiting for.
        """
        what = "; ".join(
            f"{mitigation.name}, {seeds_phrase(remaining)}"
            for mitigation, remaining in zip(mitigations, left, strict=True)
            if remaining
        )
        if what and what != said:
            self.watcher.say(f"another process is training {what}: waiting for it")
        time.sleep(_POLL)
        return what


@contextmanager
def _released(running: Mapping[Job, "LockedJob"]) -> Iterator[None]:
    """Release the locks of the jobs that are still running after an error."""
    try:
        yield
    finally:
        for locked in running.values():
            locked.held.close()
