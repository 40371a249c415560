"""What a study has found, read from the store alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from subliminal_bench.errors import ResultError
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.card import Value
from subliminal_bench.results.folders import HEADER, RunFolder
from subliminal_bench.results.run import Run
from subliminal_bench.results.study_folder import StudyFolder
from subliminal_bench.results.study_records import (
    CheckRecord,
    OutcomeRecord,
    StudyRecord,
    TrialRecord,
)
from subliminal_bench.running.study.optimiser import Told
from subliminal_bench.scoring import recommendation, statistics
from subliminal_bench.scoring.recommendation import prevention_of, ratio_of
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.statistics import Share

# What an optimiser is told of a run that prevents nothing that can be told.
_WORST = -1.0
# Of plain distillation's gain at its end: with less, nothing can be compared.
_LEAST_GAIN = 0.25


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, and what came of them.

    Attributes:
        tried: the settings.
        outcome: None while they run.
        card: their scorecard against plain distillation; None while they run, and if a hook
            failed.
    """

    tried: TrialRecord
    outcome: OutcomeRecord | None
    card: Scorecard | None

    @property
    def number(self) -> int:
        """Of the trial."""
        return self.tried.number

    @property
    def settings(self) -> dict[str, Value]:
        """That were tried."""
        return self.tried.settings

    @property
    def state(self) -> str:
        """`complete`, `pruned`, `failed` or `running`."""
        return self.outcome.state if self.outcome else "running"

    @property
    def is_complete(self) -> bool:
        """Whether it ran on all of the study's seeds."""
        return self.state == "complete"

    @property
    def told(self) -> Told:
        """The trial as the optimiser is told of it."""
        found = estimate_of(self.card) if self.card else None
        ratio = ratio_of(self.card) if self.card else None
        ended = self.outcome is not None
        return Told(self.settings, found, ratio, failed=ended and (found is None or not ratio))


@dataclass(frozen=True)
class Checked:
    """A trial on seeds on which nothing was tried.

    Attributes:
        number: of the trial.
        card: its scorecard on those seeds.
    """

    number: int
    card: Scorecard


@dataclass(frozen=True)
class Findings:
    """A study, with the scorecards of its trials.

    Attributes:
        record: what it looks for.
        trials: in order.
        checks: of trials, on other seeds.
        folder: its name in the store.
    """

    record: StudyRecord
    trials: tuple[Trial, ...]
    checks: tuple[Checked, ...]
    folder: str = field(compare=False)

    @cached_property
    def complete(self) -> dict[int, Scorecard]:
        """The scorecards of the trials that ran on all seeds, by their numbers."""
        return {one.number: one.card for one in self.trials if one.is_complete and one.card}

    @cached_property
    def best(self) -> Trial | None:
        """The trial that is shown to prevent most of those that keep the KL."""
        number = recommendation.best(self.complete)
        return next((one for one in self.trials if one.number == number), None)

    @property
    def recommended(self) -> Trial | None:
        """The best trial, if it is shown to prevent more than a tenth."""
        best = self.best
        return best if best and best.card and recommendation.is_recommended(best.card) else None

    @cached_property
    def front(self) -> set[int]:
        """The numbers of the complete trials that no other beats in both objectives."""
        return recommendation.on_front(self.complete)

    @property
    def check(self) -> Scorecard | None:
        """The best trial on other seeds."""
        number = self.best.number if self.best else None
        return next((one.card for one in self.checks if one.number == number), None)

    def settings_of(self, trial: Trial) -> list[str]:
        """All settings of a trial that differ from the card's, `name=value` each."""
        tried = [f"{name}={value}" for name, value in trial.settings.items()]
        return [*self.record.fixed, *tried]


def estimate_of(card: Scorecard) -> float:
    """The prevention that an optimiser is told; the worst if it cannot be told."""
    found = prevention_of(card)
    if found:
        return max(found.estimate, _WORST)
    equal = card.equal
    if equal is None or equal.conceals or not all(map(_gained, equal.shares)):
        return _WORST
    # A few seeds show no bound of the gain, so they are taken at their word.
    return max(statistics.prevention(equal.shares).estimate, _WORST)


def _gained(share: Share) -> bool:
    """Whether plain distillation has gained something at this KL that can be compared with."""
    end = float((share.readings.ended - share.readings.untrained).mean())
    return share.gain > max(0.0, _LEAST_GAIN * end)


class Reader:
    """Reads a study from the store; what has ended is read once.

    Args:
        folder: of the study.
    """

    def __init__(self, folder: StudyFolder) -> None:
        self._folder = folder
        self._cards: dict[tuple[str, tuple[int, ...]], Scorecard] = {}

    def findings(self) -> Findings:
        """What the store has now.

        Raises:
            ResultError: a file is damaged, or a run that belongs to the study is gone.
        """
        outcomes = self._folder.outcomes()
        trials = tuple(
            self._trial(one, outcomes.get(one.number)) for one in self._folder.trials()
        )
        checks = tuple(
            Checked(one.number, self._card(one.folder, one.seeds))
            for one in self._folder.checks()
            if self._is_finished(one)
        )
        return Findings(self._folder.record, trials, checks, self._folder.path.name)

    def on_seeds(self, findings: Findings, seeds: Sequence[int]) -> list[Scorecard]:
        """The scorecards of the complete trials on some of their seeds alone."""
        complete = (one.outcome for one in findings.trials if one.is_complete)
        return [self._card(one.folder, seeds) for one in complete if one]

    def _trial(self, tried: TrialRecord, outcome: OutcomeRecord | None) -> Trial:
        card = self._card(outcome.folder, outcome.seeds) if outcome and outcome.seeds else None
        return Trial(tried, outcome, card)

    def _is_finished(self, check: CheckRecord) -> bool:
        """Whether all of a check's seeds are there; it is written down before they run."""
        names = check.folder, self._folder.record.baseline
        found = [self._run_folder(name) for name in names]
        return all(one and len(one.finished(check.seeds)) == len(check.seeds) for one in found)

    def _card(self, name: str, seeds: Sequence[int]) -> Scorecard:
        """The scorecard of a run beside the study's plain distillation."""
        key = name, tuple(seeds)
        if key not in self._cards:
            baseline = self._run(self._folder.record.baseline, seeds)
            self._cards[key] = build_scorecard(self._run(name, seeds), {BASELINE: baseline})
        return self._cards[key]

    def _run(self, name: str, seeds: Sequence[int]) -> Run:
        folder = self._run_folder(name)
        lacking = set(seeds) - set(folder.finished(seeds) if folder else [])
        if folder is None or lacking:
            raise ResultError(
                f"{self._folder.path} needs the results in {name}, which are gone: delete the "
                "study's folder and run it again"
            )
        return folder.run(seeds)

    def _run_folder(self, name: str) -> RunFolder | None:
        path = self._folder.path.parent / name
        header = HEADER.read(path)
        return RunFolder(path, header) if header else None
