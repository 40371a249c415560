"""Running entries: which seeds are missing, in which cohorts, into which store."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.protocol import MNIST, Protocol
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.locks import Locks
from subliminal_bench.results.run import Blindness, InterimLooks, Run
from subliminal_bench.results.store import RunFolder, Store, TeacherFolder
from subliminal_bench.running.engine import Engine, LocalEngine, Workers
from subliminal_bench.running.jobs import (
    BlindnessFound,
    Job,
    PartialResult,
    Students,
    Teachers,
    student_work,
    teacher_work,
)
from subliminal_bench.running.progress import Silent, Watcher
from subliminal_bench.training.device import device_kind
from subliminal_bench.training.student import ENGINE

# Each claim is an open file, of which a process may have 1,024 on many systems.
_MOST_CLAIMS = 512
# Seconds between two looks at whether another process has finished or given up.
_POLL = 0.5


@dataclass(frozen=True)
class Bench:
    """Where and under what entries run.

    Attributes:
        protocol: the experiment.
        device: where to train.
        store: where finished seeds are kept.
        data_dir: folder with MNIST's files; see `data.load`.
        watcher: told of the progress.
        engine: what trains. It never touches the store.
    """

    protocol: Protocol
    device: torch.device
    store: Store
    data_dir: Path | None = None
    watcher: Watcher = Silent()  # noqa: RUF009 (it holds nothing)
    engine: Engine = LocalEngine()  # noqa: RUF009 (it holds nothing)

    def run(self, mitigations: Sequence[Mitigation], wanted: tuple[int, ...]) -> list[Run]:
        """Run every mitigation on the wanted seeds, taking from the store what is there.

        A cohort's teachers and noise are shared by all mitigations that lack its seeds. What a
        cohort has finished for one mitigation is saved before the next is waited for.

        Raises:
            DataError: the digits are missing or damaged.
            HookError: a mitigation failed; seeds finished before stay in the store.
            EngineError: a cluster lost its workers too often; likewise.

        Returns:
            One run a mitigation, with the wanted seeds only.
        """
        folders = [self._folder(mitigation) for mitigation in mitigations]
        missing = [sorted(set(wanted) - set(folder.finished(wanted))) for folder in folders]
        unfinished = sorted(set().union(*missing))
        if unfinished:
            self._run_missing(mitigations, folders, missing, unfinished)
        if self.protocol == MNIST:
            self._show_blindness(mitigations, folders, wanted[0])
        for folder in folders:
            folder.mark_used()
        return [folder.run(wanted) for folder in folders]

    def has(self, mitigation: Mitigation, wanted: tuple[int, ...]) -> bool:
        """Whether the store has all these seeds of the mitigation as it is now."""
        return len(self._folder(mitigation).finished(wanted)) == len(wanted)

    def looks(self, mitigation: Mitigation) -> InterimLooks | None:
        """The looks that the mitigation as it is now was run with; None where with none."""
        return self._folder(mitigation).looks

    def save_looks(self, mitigation: Mitigation, looks: InterimLooks) -> None:
        """Write down that the mitigation's seeds are looked at while they are run."""
        self._folder(mitigation).save_looks(looks)

    def _folder(self, mitigation: Mitigation) -> RunFolder:
        return self.store.entry(self.protocol, mitigation, self._environment)

    @cached_property
    def _environment(self) -> Environment:
        name = self.engine.device_name(self.device)
        return Environment.here(device_kind(self.device), name, ENGINE)

    def _show_blindness(
        self, mitigations: Sequence[Mitigation], folders: Sequence[RunFolder], seed: int
    ) -> None:
        """What may go onto the leaderboard is not believed to be blind."""
        unshown = [
            (mitigation, folder)
            for mitigation, folder in zip(mitigations, folders, strict=True)
            if mitigation.access == "blind" and folder.blindness is None
        ]
        if not unshown:
            return
        with self._crew() as crew:
            for mitigation, folder in unshown:
                with ExitStack() as held:
                    folder.claim_blindness(held.enter_context(Locks()))
                    if folder.blindness is None:
                        shares = [(mitigation, folder, (seed,))]
                        flight = self._flight(shares, held, wait=True, blindfolded=True)
                        with flight.held:
                            crew.begin(flight.job)
                            while flight.keep(crew.take()[1]):
                                pass

    @contextmanager
    def _crew(self) -> Iterator[Workers]:
        self.watcher.doing("reading the digits")
        digits = load_digits(self.protocol, self.data_dir, self.watcher.say)
        with self.engine.crew(digits, self.device, self.watcher) as crew:
            yield crew

    def _run_missing(
        self,
        mitigations: Sequence[Mitigation],
        folders: Sequence[RunFolder],
        missing: Sequence[Sequence[int]],
        unfinished: Sequence[int],
    ) -> None:
        in_flight: dict[Job, _Flight] = {}
        with self._crew() as crew, _given_back(in_flight):
            self.watcher.total(
                len(unfinished) * teacher_work(self.protocol)
                + sum(map(len, missing)) * student_work(self.protocol)
            )
            size = self.engine.cohort_size(self.protocol, self.device, len(unfinished))
            left, waiting = [set(seeds) for seeds in missing], ""
            while any(left) or in_flight:
                flight = (
                    self._depart(mitigations, folders, left, size, in_flight)
                    if any(left) and crew.has_room
                    else None
                )
                if flight:
                    in_flight[flight.job] = flight
                    crew.begin(flight.job)
                elif in_flight:
                    job, piece = crew.take()
                    if not in_flight[job].keep(piece):
                        in_flight.pop(job).held.close()
                else:
                    waiting = self._wait(mitigations, left, waiting)

    def _depart(
        self,
        mitigations: Sequence[Mitigation],
        folders: Sequence[RunFolder],
        left: Sequence[set[int]],
        size: int,
        in_flight: Mapping[Job, "_Flight"],
    ) -> "_Flight | None":
        """Claim a cohort and take it out of `left`; None where there is none to claim."""
        room = _MOST_CLAIMS - sum(job.claims for job in in_flight)
        most = max(room // len(folders), 0 if in_flight else 1)
        with ExitStack() as held:
            claims = held.enter_context(Locks())
            claimed = self._claim(folders, left, claims, min(size, most))
            shares = [
                (mitigation, folder, tuple(mine))
                for mitigation, folder, mine in zip(mitigations, folders, claimed, strict=True)
                if mine
            ]
            if not shares:
                return None
            # Who waits while others wait for its claims may wait for ever.
            flight = self._flight(shares, held, wait=not in_flight)
        for remaining, mine in zip(left, claimed, strict=True):
            remaining.difference_update(mine)
        return flight

    def _flight(
        self,
        shares: "Sequence[tuple[Mitigation, RunFolder, tuple[int, ...]]]",
        held: ExitStack,
        *,
        wait: bool,
        blindfolded: bool = False,
    ) -> "_Flight":
        """A job with the teachers that the store has, and claims on the others.

        Args:
            shares: mitigations with their folders and seeds.
            held: the claims on these seeds, which the flight takes over.
            wait: for teachers that another process is at; else they are trained here too.
            blindfolded: see `Job`.
        """
        folder = self.store.teachers(self.protocol, self._environment)
        chosen = tuple(sorted(set().union(*(mine for _, _, mine in shares))))
        kept = {seed: folder.load(seed) for seed in chosen}
        teaching = held.enter_context(Locks())
        own = set()
        # In one order, so that no two processes wait for each other.
        for seed in [seed for seed, teacher in kept.items() if teacher is None]:
            if folder.claim(seed, teaching, wait):
                own.add(seed)
            kept[seed] = folder.load(seed)
        teachers = {seed: teacher for seed, teacher in kept.items() if teacher is not None}
        self.watcher.advance(len(teachers) * teacher_work(self.protocol))
        job = Job(
            self.protocol,
            chosen,
            tuple((mitigation, mine) for mitigation, _, mine in shares),
            teachers,
            blindfolded,
        )
        if not job.untaught:
            teaching.give_back()
        folders = [entry for _, entry, _ in shares]
        return _Flight(job, folders, folder, own, teaching, held.pop_all())

    def _claim(
        self,
        folders: Sequence[RunFolder],
        left: Sequence[set[int]],
        claims: Locks,
        size: int,
    ) -> list[list[int]]:
        """Claim a cohort: of each folder the seeds that no other process works on.

        Seeds that another process has finished in the meantime are taken out of `left`.
        """
        claimed: list[list[int]] = [[] for _ in folders]
        for seed in sorted(set().union(*left)):
            if len(set().union(*claimed)) == size:
                break
            for folder, remaining, mine in zip(folders, left, claimed, strict=True):
                if seed not in remaining:
                    continue
                # Looked at again under the claim: its owner may just have finished it.
                claimed_now = not folder.is_finished(seed) and folder.claim(seed, claims)
                if folder.is_finished(seed):
                    remaining.discard(seed)
                    self.watcher.advance(student_work(self.protocol))
                elif claimed_now:
                    mine.append(seed)
        return claimed

    def _wait(
        self, mitigations: Sequence[Mitigation], left: Sequence[set[int]], said: str
    ) -> str:
        """Wait a moment: others are at all that is left, and may be killed before it is done.

        Says once what is waited for.
        """
        what = "; ".join(
            f"{mitigation.name}, {seeds_phrase(remaining)}"
            for mitigation, remaining in zip(mitigations, left, strict=True)
            if remaining
        )
        if what and what != said:
            self.watcher.say(f"another process is at {what}: waiting for it")
        time.sleep(_POLL)
        return what


@contextmanager
def _given_back(in_flight: Mapping[Job, "_Flight"]) -> Iterator[None]:
    """Give back the claims of whatever is in flight when something goes wrong."""
    try:
        yield
    finally:
        for flight in in_flight.values():
            flight.held.close()


@dataclass(frozen=True)
class _Flight:
    """A job that an engine is at, with what this process has claimed for it.

    Attributes:
        job: what is trained.
        folders: where the outcomes go, one a share.
        teachers: where teachers go.
        own: seeds whose teachers this process has claimed.
        teaching: those claims.
        held: all claims.
    """

    job: Job
    folders: list[RunFolder]
    teachers: TeacherFolder
    own: set[int]
    teaching: Locks
    held: ExitStack

    def keep(self, piece: PartialResult | None) -> bool:
        """Save a piece at once; whether the job goes on."""
        match piece:
            case Teachers(trained):
                for seed in self.own & trained.keys():
                    self.teachers.save(seed, trained[seed])
                self.teaching.give_back()
            case Students(position, outcomes):
                for outcome in outcomes:
                    self.folders[position].save(outcome)
            case BlindnessFound(position, blind):
                shown = Blindness(seed=self.job.seeds[0], shown=blind)
                self.folders[position].save_blindness(shown)
        return piece is not None
