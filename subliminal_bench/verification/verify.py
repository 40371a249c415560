"""Verifying an entry by rerunning some of its seeds, with what should not matter changed."""

import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from subliminal_bench.errors import HookError, ResultError
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.card import sees_labels
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.draws import FRESH_SEEDS
from subliminal_bench.results.entries import entries_folder, read_entries
from subliminal_bench.results.run import MitigationRecord, Run
from subliminal_bench.results.tolerances import Tolerances, read_tolerances
from subliminal_bench.running.bench import Bench
from subliminal_bench.training.blindness import is_blind
from subliminal_bench.training.student import train_students
from subliminal_bench.verification.claims import Claim, blind_claim, file_claims
from subliminal_bench.verification.cohorts import SingleCohorts
from subliminal_bench.verification.memory import (
    FEWEST_PAIRS,
    fresh_claim,
    memory_claims,
    rerun_claim,
)
from subliminal_bench.verification.regression import Status, compare_with_reference
from subliminal_bench.verification.rerun import fresh


@dataclass(frozen=True)
class Verification:
    """An entry, the mitigation that it claims, and the seeds to rerun.

    Attributes:
        run: the entry.
        mitigation: its mitigation, loaded from its file.
        bench: runs the seeds.
        leaderboard: its folder, with the baseline's numbers and the tolerances.
        seeds: to rerun; see `drawn_seeds`.
        secret: seed for the other digits, numbers and orders.
    """

    run: Run
    mitigation: Mitigation
    bench: Bench
    leaderboard: Path
    seeds: tuple[int, ...]
    secret: int

    def claims(self) -> Iterator[Claim]:
        """Test one claim after another; nothing is run if the file itself is refuted.

        Raises:
            ResultError: no tolerances were measured under the protocol.
        """
        protocol = self.bench.protocol
        measured = read_tolerances(self.leaderboard, protocol)
        folder = entries_folder(protocol, self.leaderboard)
        baselines = read_entries(folder, f"{BASELINE}*.json")
        record = MitigationRecord.of(self.mitigation)
        starts = any("start" in plugin.hooks for plugin in self.mitigation.plugins)
        refuted = False
        for claim in file_claims(
            self.run, protocol, record, starts, baselines.get(BASELINE), measured
        ):
            refuted = refuted or not claim.holds
            yield claim
        if refuted:
            return
        try:
            yield from self._rerun(measured)
        except HookError as error:
            yield Claim("rerun", False, str(error))

    def _rerun(self, measured: Tolerances) -> Iterator[Claim]:
        with fresh(self.bench) as bench:
            (rerun,) = bench.run([self.mitigation], self.seeds)
        found = compare_with_reference(self.run, rerun, measured)
        yield Claim("rerun", found.outcome is Status.PASSED, found.text)
        yield rerun_claim(self.run, rerun, measured)
        yield self._fresh()
        if not sees_labels(self.run.mitigation.access):
            yield self._blind()
        if len(self.seeds) >= FEWEST_PAIRS:
            yield from memory_claims(
                self.mitigation, rerun, self.seeds, self._cohort, measured, self.secret
            )

    def _fresh(self) -> Claim:
        """Seeds that the entry's author could not know must be like those that it has."""
        known = set(self.run.seed_numbers)
        drawn = random.Random(self.secret).sample(
            [seed for seed in FRESH_SEEDS if seed not in known], len(self.seeds)
        )
        found = [
            train_students(self._cohort(seed), self.mitigation)[0].metrics for seed in drawn
        ]
        return fresh_claim(self.run, found, sorted(drawn))

    def _blind(self) -> Claim:
        seed = self.seeds[0]
        shown = is_blind(self._cohort(seed), self.mitigation, self.secret)
        return blind_claim(self.run.mitigation.access, seed, shown)

    @cached_property
    def _cohort(self) -> SingleCohorts:
        return SingleCohorts(self.bench)


def verification_of(
    run: Run,
    mitigation: Mitigation,
    bench: Bench,
    leaderboard: Path,
    seeds: Sequence[int] | None,
    count: int,
) -> Verification:
    """The verification of an entry with some of its seeds.

    Args:
        run: the entry.
        mitigation: loaded from its file.
        bench: runs the seeds.
        leaderboard: its folder.
        seeds: to rerun; by default drawn secretly.
        count: how many to draw.

    Raises:
        ResultError: the entry lacks one of the seeds.
    """
    unknown = sorted(set(seeds or ()) - set(run.seed_numbers))
    if unknown:
        raise ResultError(f"{run.mitigation.label} has no {seeds_phrase(unknown)}")
    chosen = tuple(sorted(seeds)) if seeds else drawn_seeds(run, count)
    return Verification(run, mitigation, bench, leaderboard, chosen, secrets.randbelow(2**30))


def drawn_seeds(run: Run, count: int) -> tuple[int, ...]:
    """Unpredictable seeds of an entry, ascending."""
    known = run.seed_numbers
    return tuple(sorted(random.SystemRandom().sample(known, min(count, len(known)))))
