"""Verifying an entry by rerunning it: some seeds, with other digits and renamed digits."""

import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from pathlib import Path

import numpy as np
from scipy import stats

from subliminal_bench.errors import HookError, ResultError
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.metrics import METRICS, under_permutations
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.card import hidden_from, sees_labels
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.entries import entries_folder, read_entries
from subliminal_bench.results.run import MitigationRecord, Run
from subliminal_bench.results.tolerances import Tolerances, read_tolerances
from subliminal_bench.running.bench import Bench
from subliminal_bench.training.blindness import is_blind, renamed_digits
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers
from subliminal_bench.verification.claims import Claim, file_claims
from subliminal_bench.verification.regression import Status, compare_with_reference
from subliminal_bench.verification.rerun import fresh

# A claim is refuted if the renamed runs are less likely than this under its distribution.
_RENAMED_LEVEL = 1e-3
_RENAMED_METRICS = under_permutations("verification")
# A share of test images may change by this much, even if all claimed seeds agree.
_CHANCE = 0.05


@dataclass(frozen=True)
class Verification:
    """An entry, the mitigation that it claims, and the seeds to rerun.

    Attributes:
        run: the entry.
        mitigation: its mitigation, loaded from its file.
        bench: runs the seeds.
        leaderboard: its folder, with the baseline's numbers and the tolerances.
        seeds: to rerun; see `drawn_seeds`.
        secret: seed for the other digits and the permutations.
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
            yield self._renamed()
        except HookError as error:
            yield Claim("rerun", False, str(error))

    def _rerun(self, measured: Tolerances) -> Iterator[Claim]:
        with fresh(self.bench) as bench:
            (rerun,) = bench.run([self.mitigation], self.seeds)
        found = compare_with_reference(self.run, rerun, measured)
        yield Claim("rerun", found.outcome is Status.PASSED, found.text)
        if not sees_labels(self.run.mitigation.access):
            yield self._blind()

    def _blind(self) -> Claim:
        seed = self.seeds[0]
        shown = is_blind(self._cohort(seed), self.mitigation, self.secret)
        what = f"do not change seed {seed}" if shown else f"change seed {seed}"
        hidden = hidden_from(self.run.mitigation.access)
        return Claim("blind", shown, f"other {hidden} {what}")

    def _renamed(self) -> Claim:
        """Secret permutations of pixels and classes must not change the distribution."""
        values: dict[str, list[float]] = {name: [] for name in _RENAMED_METRICS}
        for seed in self.seeds:
            self.bench.watcher.doing(f"{self.mitigation.name}, renamed digits, seed {seed}")
            (outcome,) = train_students(self._cohort(seed, renamed=True), self.mitigation)
            for name, kept in values.items():
                value = outcome.metrics[name]
                if value is not None:
                    kept.append(value)
        for name, found in values.items():
            claimed = [one for one in self.run.column(name) if one is not None]
            if found and not _fits(name, claimed, found):
                means = [METRICS[name].show(float(np.mean(one))) for one in (claimed, found)]
                text = (
                    f"{METRICS[name].heading} goes from {means[0]} to {means[1]} under "
                    f"secret permutations of pixels and classes ({seeds_phrase(self.seeds)})"
                )
                return Claim("renamed digits", False, text)
        text = f"{seeds_phrase(self.seeds)} fit the claimed distribution"
        return Claim("renamed digits", True, text)

    @cached_property
    def _digits(self) -> Digits:
        bench = self.bench
        return load_digits(bench.protocol, bench.data_dir, bench.watcher.say).to(bench.device)

    def _cohort(self, seed: int, renamed: bool = False) -> Cohort:
        protocol, device, digits = self.bench.protocol, self.bench.device, self._digits
        if renamed:
            digits = renamed_digits(protocol, digits, self.secret + seed)
        teachers = train_teachers(protocol, (seed,), digits, device)
        return Cohort(protocol, (seed,), device, digits, teachers)


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


def _fits(name: str, claimed: Sequence[float], found: Sequence[float]) -> bool:
    """Whether new seeds are in the prediction interval of the claimed ones."""
    if len(claimed) < 2:
        return True
    ours, theirs = (np.array(one, dtype=float) for one in (claimed, found))
    if METRICS[name].unit == "millinats":
        ours, theirs = np.log(ours), np.log(theirs)
    spread = ours.std(ddof=1) * sqrt(1 / len(ours) + 1 / len(theirs))
    level = _RENAMED_LEVEL / len(_RENAMED_METRICS)
    chance = _CHANCE if METRICS[name].share_of == "test images" else 0.0
    far = stats.t.ppf(1 - level / 2, len(ours) - 1) * spread
    return bool(abs(theirs.mean() - ours.mean()) <= max(far, chance))
