"""Running entries: which seeds are missing, in which cohorts, into which store."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from subliminal_bench import blindfold, data, device, seeds
from subliminal_bench.claims import Claims
from subliminal_bench.cohort import Cohort
from subliminal_bench.mitigations import Mitigation
from subliminal_bench.progress import Silent, Watcher
from subliminal_bench.protocol import MNIST, Protocol
from subliminal_bench.results import Blindness, Environment, Looks, Run
from subliminal_bench.store import ENGINE, EntryFolder, Store, TeacherFolder
from subliminal_bench.student import train_students
from subliminal_bench.training import train_teachers

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
    """

    protocol: Protocol
    device: torch.device
    store: Store
    data_dir: Path | None = None
    watcher: Watcher = Silent()  # noqa: RUF009 (it holds nothing)

    def run(self, mitigations: Sequence[Mitigation], wanted: tuple[int, ...]) -> list[Run]:
        """Run every mitigation on the wanted seeds, taking from the store what is there.

        A cohort's teachers and noise are shared by all mitigations that lack its seeds, and
        every finished cohort is saved before the next begins.

        Raises:
            DataError: the digits are missing or damaged.
            HookError: a mitigation failed; seeds finished before stay in the store.

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

    def looks(self, mitigation: Mitigation) -> Looks | None:
        """The looks that the mitigation as it is now was run with; None where with none."""
        return self._folder(mitigation).looks

    def save_looks(self, mitigation: Mitigation, looks: Looks) -> None:
        """Write down that the mitigation's seeds are looked at while they are run."""
        self._folder(mitigation).save_looks(looks)

    def _folder(self, mitigation: Mitigation) -> EntryFolder:
        return self.store.entry(self.protocol, mitigation, self._environment)

    @cached_property
    def _environment(self) -> Environment:
        return Environment.here(device.kind(self.device), device.describe(self.device), ENGINE)

    def _show_blindness(
        self, mitigations: Sequence[Mitigation], folders: Sequence[EntryFolder], seed: int
    ) -> None:
        """What may go onto the leaderboard is not believed to be blind."""
        unshown = [
            (mitigation, folder)
            for mitigation, folder in zip(mitigations, folders, strict=True)
            if mitigation.access == "blind" and folder.blindness is None
        ]
        if not unshown:
            return
        digits = data.load(self.protocol, self.data_dir, self.watcher.say).to(self.device)
        cohort = self._cohort((seed,), digits)
        for mitigation, folder in unshown:
            self._say(f"{mitigation.name}, blindfolded", cohort.seeds)
            with Claims() as claims:
                folder.claim_blindness(claims)
                if folder.blindness is None:
                    shown = blindfold.is_blind(cohort, mitigation)
                    folder.save_blindness(Blindness(seed=seed, shown=shown))

    def _cohort(self, chosen: tuple[int, ...], digits: data.Digits) -> Cohort:
        teachers = self._teachers(chosen, digits)
        return Cohort(self.protocol, chosen, self.device, digits, teachers)

    def _run_missing(
        self,
        mitigations: Sequence[Mitigation],
        folders: Sequence[EntryFolder],
        missing: Sequence[Sequence[int]],
        unfinished: Sequence[int],
    ) -> None:
        self.watcher.doing("reading the digits")
        digits = data.load(self.protocol, self.data_dir, self.watcher.say).to(self.device)
        self.watcher.total(
            len(unfinished) * self.protocol.teacher_steps * self._teacher_work
            + sum(map(len, missing)) * self.protocol.student_steps * self._student_work
        )
        left, waiting = [set(seeds) for seeds in missing], ""
        while any(left):
            with Claims() as claims:
                claimed = self._claim(folders, left, claims)
                chosen = tuple(sorted(set().union(*claimed)))
                if not chosen:
                    waiting = self._wait(mitigations, left, waiting)
                    continue
                whole = self._cohort(chosen, digits)
                for mitigation, folder, mine in zip(mitigations, folders, claimed, strict=True):
                    if mine:
                        self._train(whole.of(mine), mitigation, folder)
            for remaining, mine in zip(left, claimed, strict=True):
                remaining.difference_update(mine)

    def _claim(
        self, folders: Sequence[EntryFolder], left: Sequence[set[int]], claims: Claims
    ) -> list[list[int]]:
        """Claim a cohort: of each folder the seeds that no other process works on.

        Seeds that another process has finished in the meantime are taken out of `left`.
        """
        most = max(1, _MOST_CLAIMS // len(folders))
        size = min(device.cohort_size(self.protocol, self.device), most)
        claimed: list[list[int]] = [[] for _ in folders]
        for seed in sorted(set().union(*left)):
            for folder, remaining, mine in zip(folders, left, claimed, strict=True):
                if seed not in remaining:
                    continue
                # Looked at again under the claim: its owner may just have finished it.
                claimed_now = not folder.is_finished(seed) and folder.claim(seed, claims)
                if folder.is_finished(seed):
                    remaining.discard(seed)
                    self._advance((seed,), self._student_work)(self.protocol.student_steps)
                elif claimed_now:
                    mine.append(seed)
            if len(set().union(*claimed)) == size:
                break
        return claimed

    def _wait(
        self, mitigations: Sequence[Mitigation], left: Sequence[set[int]], said: str
    ) -> str:
        """Wait a moment: others are at all that is left, and may be killed before it is done.

        Says once what is waited for.
        """
        what = "; ".join(
            f"{mitigation.name}, {seeds.phrase(remaining)}"
            for mitigation, remaining in zip(mitigations, left, strict=True)
            if remaining
        )
        if what and what != said:
            self.watcher.say(f"another process is at {what}: waiting for it")
        time.sleep(_POLL)
        return what

    def _train(self, cohort: Cohort, mitigation: Mitigation, folder: EntryFolder) -> None:
        """Train a cohort's students and save them at once."""
        self._say(mitigation.name, cohort.seeds)
        advance = self._advance(cohort.seeds, self._student_work)
        for outcome in train_students(cohort, mitigation, advance):
            folder.save(outcome)

    def _teachers(self, chosen: tuple[int, ...], digits: data.Digits) -> Tensor:
        """Teachers from the store, and trained now where it has none."""
        folder = self.store.teachers(self.protocol, self._environment)
        kept = {seed: folder.load(seed) for seed in chosen}
        with Claims() as claims:
            # In one order, so that no two processes wait for each other.
            for seed in [seed for seed, teacher in kept.items() if teacher is None]:
                folder.claim(seed, claims)
                kept[seed] = folder.load(seed)
            self._train_teachers(folder, kept, digits)
        return torch.stack(
            [teacher.to(self.device) for teacher in kept.values() if teacher is not None]
        )

    def _train_teachers(
        self, folder: TeacherFolder, kept: dict[int, Tensor | None], digits: data.Digits
    ) -> None:
        """Train the teachers that are None in `kept`, save them and put them there."""
        absent = tuple(seed for seed, teacher in kept.items() if teacher is None)
        known = len(kept) - len(absent)
        self.watcher.advance(known * self.protocol.teacher_steps * self._teacher_work)
        if absent:
            self._say("teacher", absent)
            trained = train_teachers(
                self.protocol,
                absent,
                digits,
                self.device,
                self._advance(absent, self._teacher_work),
            )
            for seed, teacher in zip(absent, trained, strict=True):
                folder.save(seed, teacher)
                kept[seed] = teacher

    @property
    def _teacher_work(self) -> int:
        """Work of one seed's teacher step: images pushed forward and back (three passes)."""
        return 3 * self.protocol.batch

    @property
    def _student_work(self) -> int:
        """Work of one seed's student step, the audit set's gradient included."""
        return 3 * (self.protocol.batch + self.protocol.audit_images)

    def _advance(self, chosen: tuple[int, ...], work: int) -> Callable[[int], None]:
        """Progress is counted in work, of which a cohort does as many times at once."""
        return lambda steps: self.watcher.advance(steps * len(chosen) * work)

    def _say(self, what: str, chosen: tuple[int, ...]) -> None:
        self.watcher.doing(f"{what}, {seeds.phrase(chosen)}")
