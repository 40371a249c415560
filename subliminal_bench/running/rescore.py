"""What this version reads from a student, computed from weights that a store kept.

Training takes minutes, reading takes seconds. So a seed from before a reader came is completed
from its weights and its teacher's, and a finished seed's readings can be checked. Nothing is
trained here, and what a seed already has is never changed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from subliminal_bench.errors import ProtocolError, ResultError
from subliminal_bench.experiment import model
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.torch_state import pinned_torch
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.mitigation.builtin import BASELINE, built_in_names
from subliminal_bench.mitigation.hooks import MOVING
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.folders import RunFolder
from subliminal_bench.results.locks import Locks
from subliminal_bench.results.run import MitigationRecord, ProtocolRecord, SeedResult
from subliminal_bench.results.self_check import check_seed
from subliminal_bench.results.store import Store
from subliminal_bench.results.weight_change import WeightChangeRecord
from subliminal_bench.running.progress import SILENT, Watcher
from subliminal_bench.threads import no_more_threads_than_cores
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import accuracy, kept_metrics, readings
from subliminal_bench.training.weight_change import Course, weight_changes

# Readers compute in float64, so that no processor's rounding matters.
_CPU = torch.device("cpu")
# Weights whose accuracy is further from the recorded one are another student's. Another
# processor's rounding changes the class of a few images in ten thousand.
_ALIKE = 0.01
# A change of a reading up to this one is another processor's rounding.
ROUNDING = 1e-9
_UNTOLD = "only the mitigation's file tells where training began"


@dataclass
class Rescored:
    """What was found for one run.

    Attributes:
        label: the run, in words.
        completed: the seeds that got what they lacked.
        refused: the seeds that still lack them, by the reason.
        without_path: completed seeds of plain distillation whose path is missing, which
            weights do not tell.
        without_change: seeds whose change of weights is missing and cannot be told, by the
            reason. No verdict needs it.
        checked: the finished seeds whose readings were computed again.
        unchecked: those for which that is impossible, by the reason.
        changes: the largest change of each of their readings.
    """

    label: str
    completed: list[int] = field(default_factory=list)
    refused: dict[str, list[int]] = field(default_factory=dict)
    without_path: list[int] = field(default_factory=list)
    without_change: dict[str, list[int]] = field(default_factory=dict)
    checked: list[int] = field(default_factory=list)
    unchecked: dict[str, list[int]] = field(default_factory=dict)
    changes: dict[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether nothing is lacking any more, and nothing changed."""
        moved = max(self.changes.values(), default=0.0) > ROUNDING
        return not (self.refused or self.without_path or self.unchecked or moved)


def rescore_run(
    folder: RunFolder,
    store: Store,
    data_dir: Path | None = None,
    again: bool = False,
    watcher: Watcher = SILENT,
) -> Rescored:
    """Complete the seeds of a run that lack what this version measures.

    Each seed is written as soon as it is complete, so an interrupted call loses only one.

    Args:
        folder: of the run.
        store: that it is in; it has the teachers.
        data_dir: folder with MNIST's files; see `load_digits`.
        again: also compute the readings of the other seeds, and compare them with those that
            they have. They are not written.
        watcher: receives the progress.

    Raises:
        DataError: the digits are missing or damaged.
        ResultError: metrics cannot be read or written.
    """
    header = folder.header
    found = Rescored(f"{header.mitigation.label} under {header.protocol.label}")
    known = _shipped(folder.header.mitigation)
    lacking = [seed for seed in folder.finished() if _lacks(folder.result(seed), known)]
    others = [seed for seed in folder.finished() if again and folder.result(seed).is_read]
    try:
        weights = _Weights(folder, store, _protocol_of(folder), data_dir, watcher, known)
    except ProtocolError as error:
        for seed in lacking:
            _refuse(found, folder.result(seed), str(error))
        found.unchecked = {str(error): others} if others else {}
        return found
    watcher.total(len(lacking) + len(others))
    with pinned_torch(), no_more_threads_than_cores():
        _complete(weights, lacking, found)
        for seed in others:
            _compare(weights, seed, found)
    if header.mitigation.name == BASELINE:
        found.without_path = folder.lacking(found.completed, path=True)
    if known is None:
        # Only its own file, which the store does not have, says where training began.
        refused = {seed for seeds in found.refused.values() for seed in seeds}
        left = [seed for seed in folder.finished() if seed not in refused]
        untold = [seed for seed in left if _lacks_change(folder.result(seed))]
        found.without_change |= {_UNTOLD: untold} if untold else {}
    return found


def _refuse(found: Rescored, result: SeedResult, why: str) -> None:
    """Note that a seed was not completed."""
    place = found.without_change if result.is_read else found.refused
    place.setdefault(why, []).append(result.seed)


def _shipped(recorded: MitigationRecord) -> Mitigation | None:
    """The mitigation that ran, if it ships with this program and has no hook `start`."""
    if recorded.name not in built_in_names():
        return None
    found = load_mitigation(recorded.name)
    same = found.source_sha256 == recorded.source_sha256
    return found if same and not found.starts else None


def _lacks(result: SeedResult, known: Mitigation | None) -> bool:
    """Whether a seed lacks something that its weights may tell."""
    return not result.is_read or (known is not None and _lacks_change(result))


def _lacks_change(result: SeedResult) -> bool:
    return result.weight_change is None and result.diverged_at is None


def _protocol_of(folder: RunFolder) -> Protocol:
    """The protocol of a run.

    Raises:
        ProtocolError: this program does not have it.
    """
    recorded = folder.header.protocol
    protocol = protocol_named(recorded.name)
    if ProtocolRecord.of(protocol) != recorded:
        raise ProtocolError(
            f"they ran under another version of {recorded.name} than this program has"
        )
    return protocol


@dataclass(frozen=True)
class _Weights:
    """The kept weights of a run's students and teachers.

    Attributes:
        folder: of the run.
        store: that it is in.
        protocol: the run's.
        data_dir: folder with MNIST's files.
        watcher: receives the progress.
        known: see `_shipped`.
    """

    folder: RunFolder
    store: Store
    protocol: Protocol
    data_dir: Path | None
    watcher: Watcher
    known: Mitigation | None

    @cached_property
    def _digits(self) -> Digits:
        self.watcher.doing("reading the digits")
        return load_digits(self.protocol, self.data_dir, self.watcher.say)

    def completed(self, result: SeedResult) -> SeedResult:
        """One seed's result with everything that its weights tell.

        Raises:
            ResultError: its weights or its teacher's are missing, damaged or others'.
        """
        cohort, parameters = self._student_of(result)
        found: dict[str, Any] = {}
        if not result.is_read:
            found["metrics"] = result.metrics | _readings(cohort, parameters, result)
        if self.known and _lacks_change(result):
            moved = any(MOVING.intersection(one.hooks) for one in self.known.plugins)
            stepped = None if moved else parameters
            course = Course(cohort.base_parameters, parameters, stepped)
            (change,) = weight_changes(cohort.layout, self.protocol.classes, course)
            found["weight_change"] = WeightChangeRecord.of(change) if change else None
        return SeedResult(**{**dict(result), **found})

    def readings(self, result: SeedResult) -> dict[str, float | None]:
        """What readers find in one seed's student; None if it diverged.

        Raises:
            ResultError: its weights or its teacher's are missing, damaged or others'.
        """
        return _readings(*self._student_of(result), result)

    def _student_of(self, result: SeedResult) -> tuple[Cohort, Tensor]:
        """One seed's cohort and student, which are those that its metrics are about."""
        parameters = self._student(result.seed)
        teacher = self._teacher(result.seed)
        self.watcher.doing(f"{self.folder.header.mitigation.name}, seed {result.seed}")
        cohort = Cohort(self.protocol, (result.seed,), _CPU, self._digits, teacher)
        for name, weights in (("teacher_accuracy", teacher), ("trait_accuracy", parameters)):
            recorded = result.metrics[name]
            here = float(accuracy(cohort, weights)[0])
            if recorded is not None and abs(here - recorded) > _ALIKE:
                raise ResultError(
                    "the kept weights are not those that the metrics are about: their "
                    f"{METRICS[name].title} is {here:.4g}, not {recorded:.4g}"
                )
        return cohort, parameters

    def _student(self, seed: int) -> Tensor:
        """A student's parameters, `[1, parameters]`."""
        kept = self.folder.weights(seed)
        if kept is None:
            raise ResultError("the store has no weights of their students")
        wanted = (model.layout(self.protocol).parameters,)
        if kept.shape != wanted or kept.dtype != self.protocol.dtype:
            raise ResultError("the kept weights are not those of a model of this protocol")
        return kept.unsqueeze(0)

    def _teacher(self, seed: int) -> Tensor:
        """A teacher's parameters, `[1, parameters]`."""
        kept = self.store.teacher_of(self.folder, self.protocol, seed)
        if kept is None:
            raise ResultError("the store has no weights of their teachers")
        return kept.unsqueeze(0)


def _readings(
    cohort: Cohort, parameters: Tensor, result: SeedResult
) -> dict[str, float | None]:
    values = {name: float(one[0]) for name, one in readings(cohort, parameters).items()}
    return kept_metrics(values, result.diverged_at)


def _complete(weights: _Weights, lacking: Iterable[int], found: Rescored) -> None:
    """Complete seeds: first those that no other process works on, then the others."""
    waiting = list(lacking)
    for wait in (False, True):
        left = []
        for seed in waiting:
            with Locks() as locks:
                if weights.folder.lock(seed, locks, wait):
                    _complete_one(weights, seed, found)
                else:
                    left.append(seed)
        waiting = left


def _complete_one(weights: _Weights, seed: int, found: Rescored) -> None:
    """Complete a locked seed, unless its lock's previous owner has just done so."""
    folder, result = weights.folder, weights.folder.result(seed)
    if _lacks(result, weights.known):
        try:
            completed = weights.completed(result)
            # What only `start` changes was checked when the seed was saved.
            wrong = check_seed(weights.protocol, seed, completed.metrics, starts=True)
            if wrong:
                raise ResultError(wrong)
        except ResultError as error:
            _refuse(found, result, str(error))
        else:
            folder.save_result(completed)
            found.completed.append(seed)
    weights.watcher.advance(1)


def _compare(weights: _Weights, seed: int, found: Rescored) -> None:
    """Compare a finished seed's readings with those of its weights."""
    result = weights.folder.result(seed)
    try:
        here = weights.readings(result)
    except ResultError as error:
        found.unchecked.setdefault(str(error), []).append(seed)
    else:
        found.checked.append(seed)
        for name, value in here.items():
            recorded = result.metrics[name]
            change = 0.0 if value is None or recorded is None else abs(value - recorded)
            found.changes[name] = max(change, found.changes.get(name, 0.0))
    weights.watcher.advance(1)
