"""A study: settings are proposed, tried and written down, until there are enough of them.

Several processes may run one study. Under its lock a process claims a trial that nobody works
on, or proposes a new one; it then holds that trial's lock while it runs. A process that is
killed loses its locks, so another one, or the same command again, takes its trial over.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from subliminal_bench.errors import HookError, MitigationError, SeedsError, Setting
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import describe_seeds, parse_seeds, seeds_phrase
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.card import Value
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.mitigation.objects import MitigationSpec
from subliminal_bench.results.locks import Locks
from subliminal_bench.results.run import MitigationRecord, ProtocolRecord
from subliminal_bench.results.study_folder import StudyFolder, study_path
from subliminal_bench.results.study_records import (
    MOST_TRIALS,
    CheckRecord,
    OutcomeRecord,
    StudyRecord,
    TrialRecord,
)
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.progress import SILENT, Watcher
from subliminal_bench.running.setup import Setup
from subliminal_bench.running.study.findings import Findings, Reader
from subliminal_bench.running.study.lasting_engine import LastingEngine
from subliminal_bench.running.study.optimiser import propose
from subliminal_bench.running.study.space import Space
from subliminal_bench.running.study.trial import FIRST_SEEDS, Candidate, folder_of
from subliminal_bench.running.whole_watcher import WholeWatcher

# Seeds 1 to 100 rank entries, and those up to 1000 are drawn to verify them.
TUNING_SEEDS = range(1001, 2001)
# Seeds on which nothing is ever tried, but each best setting is checked.
CHECK_SEEDS = range(2001, 3001)
# Fewer often show no prevention at all.
FEWEST_CHECKED = 6
DEFAULT_SEEDS = "1001-1006"
# Measuring alignment takes most of a run's time, and no objective needs it.
COARSE = 10

# Failures in a row, with nothing else, after which the mitigation is at fault.
_MOST_FAILURES = 3
_POLL = 0.5


def coarse(protocol: Protocol) -> int:
    """Steps from one measurement of the alignment to the next, unless a user chooses.

    >>> from subliminal_bench.experiment.tracks import MNIST, measured_every
    >>> coarse(MNIST), coarse(measured_every(MNIST, 5))
    (10, 1)
    """
    return 1 if protocol.measure_every > 1 else min(COARSE, protocol.student_steps)


def tuning_seeds(chosen: str | int | Sequence[int], protocol: Protocol) -> tuple[int, ...]:
    """Read the seeds to try settings on.

    Raises:
        SeedsError: they cannot be read, or are not for tuning.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> tuning_seeds("1001-1003", MNIST)
    (1001, 1002, 1003)
    """
    seeds = parse_seeds(chosen, protocol)
    wrong = [seed for seed in seeds if seed not in TUNING_SEEDS]
    if wrong:
        raise SeedsError(
            f"{seeds_phrase(wrong)}: settings are tried on seeds {TUNING_SEEDS[0]} to "
            f"{TUNING_SEEDS[-1]}, because lower ones rank and verify entries and higher ones "
            "check what was found"
        )
    if len(seeds) < 2:
        raise SeedsError("one seed shows no interval: try settings on two or more")
    return seeds


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study, as a user chooses it.

    Attributes:
        setup: the conditions; its protocol is measured as coarsely as it says.
        mitigation: as `load_mitigation` takes it.
        space: what is tried, as `Space.of` reads it; by default what the card declares.
        settings: that all trials share, `name=value` each.
        seeds: on which settings are tried.
        trials: how many to try in all, with those that the store has.
        check: whether the best settings are run on other seeds at the end.
    """

    setup: Setup
    mitigation: MitigationSpec | Sequence[MitigationSpec]
    space: Sequence[str] = ()
    settings: Sequence[str] = ()
    seeds: str | int | Sequence[int] = DEFAULT_SEEDS
    trials: int = 20
    check: bool = True

    def load(self) -> "LoadedStudy":
        """Read everything and load the mitigation; nothing is run yet.

        Raises:
            BenchmarkError: a choice is invalid; the error is one line.
        """
        if isinstance(self.trials, bool) or not isinstance(self.trials, int):
            raise MitigationError("the number of trials is not a whole number")
        if not 1 <= self.trials <= MOST_TRIALS:
            raise MitigationError(
                f"a study has 1 to {MOST_TRIALS} trials",
                "give as many with ",
                Setting("trials"),
            )
        seeds = tuning_seeds(self.seeds, self.setup.chosen_protocol)
        mitigation = self.setup.load(self.mitigation, self.settings)
        space = Space.of(mitigation, self.space, self.settings)
        return LoadedStudy(self, seeds, space, mitigation.settings, mitigation.once)

    def candidate(self, settings: Mapping[str, Value]) -> Candidate:
        """The mitigation with the settings of a trial, and its twin if it has one.

        Raises:
            MitigationError: it does not take these settings.
        """
        every = [*self.settings, *(f"{name}={value}" for name, value in settings.items())]
        mitigation = self.setup.load(self.mitigation, every)
        off = mitigation.twin_settings
        twin = self.setup.load(self.mitigation, [*every, *off]) if off else None
        return Candidate(mitigation, twin)


@dataclass(frozen=True)
class LoadedStudy:
    """A `Study` with everything read."""

    chosen: Study
    seeds: tuple[int, ...]
    space: Space
    own: Mapping[str, Value]
    once: str = ""

    def run(self, watcher: Watcher = SILENT) -> Findings:
        """Try settings until there are enough, and check the best ones on other seeds.

        Raises:
            BenchmarkError: see `Bench.run`; or nothing but failures came of the first trials.
        """
        whole = WholeWatcher(watcher)
        with self.chosen.setup.bench(whole) as bench, LastingEngine(bench.engine) as engine:
            lasting = replace(bench, engine=engine)
            folder = self.folder(lasting)
            _Runner(self, lasting, folder, whole).run()
            return Reader(folder).findings()

    def folder(self, bench: Bench) -> StudyFolder:
        """The study's folder, which is created if it is not there."""
        mitigation = self.chosen.setup.load(self.chosen.mitigation, self.chosen.settings)
        baseline = folder_of(bench, load_mitigation(BASELINE))
        known = self._key(folder_of(bench, mitigation), baseline)
        record = StudyRecord(
            protocol=ProtocolRecord.of(bench.protocol),
            mitigation=MitigationRecord.of(mitigation),
            space={name: str(one) for name, one in self.space.dimensions.items()},
            seeds=list(self.seeds),
            baseline=baseline,
            command=_named(self.chosen.mitigation, mitigation.name),
            fixed=list(self.chosen.settings),
        )
        path = study_path(bench.store, bench.protocol.label, mitigation.name, known)
        return StudyFolder.opened(path, record)

    def _key(self, run: str, baseline: str) -> str:
        """A hash of everything that decides what the study finds."""
        parts = [
            run,
            baseline,
            self.space.written,
            list(self.seeds),
            sorted(self.own),
            self.once,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:10]


def _named(spec: MitigationSpec | Sequence[MitigationSpec], name: str) -> str:
    """A mitigation as a command names it; an object of this process by its name alone."""
    return str(spec) if isinstance(spec, str) or hasattr(spec, "__fspath__") else name


@dataclass(frozen=True)
class _Runner:
    """A process that takes part in a study."""

    study: LoadedStudy
    bench: Bench
    folder: StudyFolder
    watcher: WholeWatcher

    def run(self) -> None:
        reader = Reader(self.folder)
        while True:
            findings = reader.findings()
            wanted = max(self.study.chosen.trials, len(findings.trials))
            ended = sum(one.outcome is not None for one in findings.trials)
            self.watcher.parts(wanted + self.study.chosen.check, ended)
            self._refuse_failures(findings)
            with ExitStack() as held:
                claimed = self._claim(reader, held.enter_context(Locks()))
                if claimed is None:
                    break
                if claimed == "wait":
                    time.sleep(_POLL)
                    continue
                assert isinstance(claimed, TrialRecord)
                self._try(claimed, reader, findings)
        if self.study.chosen.check:
            self._check(reader)

    def _claim(self, reader: Reader, mine: Locks) -> TrialRecord | str | None:
        """A trial whose lock this process now holds; None if all have ended."""
        with Locks() as locks:
            self.folder.lock(locks)
            findings = reader.findings()
            left = [one.tried for one in findings.trials if one.outcome is None]
            for tried in left:
                if self.folder.lock_trial(tried.number, mine):
                    return tried
            if len(findings.trials) < self.study.chosen.trials:
                found = propose(
                    self.study.space,
                    self.study.own,
                    [one.told for one in findings.trials],
                    self.folder.path.name,
                )
                if found:
                    number = len(findings.trials) + 1
                    tried = TrialRecord(number=number, settings=found[0], origin=found[1])
                    self.folder.lock_trial(number, mine)
                    self.folder.add(tried)
                    return tried
                if not left:
                    self.watcher.say("all settings of the space have been tried")
        return "wait" if left else None

    def _try(self, tried: TrialRecord, reader: Reader, findings: Findings) -> None:
        shown = ", ".join(f"{name}={value}" for name, value in tried.settings.items())
        self.watcher.begin(f"trial {tried.number} ({shown})")
        try:
            candidate = self.study.chosen.candidate(tried.settings)
            known = reader.on_seeds(findings, self.study.seeds[:FIRST_SEEDS])
            tested = candidate.test(self.bench, self.study.seeds, known)
        except (HookError, MitigationError) as error:
            outcome = OutcomeRecord(
                number=tried.number, state="failed", why=str(error)[:500], seeds=[], folder=""
            )
        else:
            outcome = OutcomeRecord(
                number=tried.number,
                state="pruned" if tested.hopeless else "complete",
                why=tested.hopeless,
                seeds=list(tested.card.seeds),
                folder=tested.folder,
            )
        self.folder.add(outcome)
        self.watcher.say(f"trial {tried.number} ({shown}): {outcome.why or outcome.state}")

    def _refuse_failures(self, findings: Findings) -> None:
        """Stop where every trial fails: the mitigation is at fault, not its settings.

        Raises:
            MitigationError: with the last failure.
        """
        ended = [one.outcome for one in findings.trials if one.outcome]
        if len(ended) >= _MOST_FAILURES and all(one.state == "failed" for one in ended):
            raise MitigationError(
                f"all {len(ended)} trials failed, the last one with: {ended[-1].why}",
                f"correct the mitigation (the failures are kept in {self.folder.path.name})",
            )

    def _check(self, reader: Reader) -> None:
        """Run the best settings on seeds that nothing was tried on, one time for each trial."""
        with Locks() as locks:
            self.folder.lock(locks)
            best = reader.findings().best
            if best is None:
                return
            checks = self.folder.checks()
            found = next((one for one in checks if one.number == best.number), None)
            candidate = self.study.chosen.candidate(best.settings)
            if found is None:
                last = max((one.seeds[-1] for one in checks), default=CHECK_SEEDS[0] - 1)
                count = max(len(self.study.seeds), FEWEST_CHECKED)
                seeds = range(last + 1, last + 1 + count)
                if seeds[-1] not in CHECK_SEEDS or seeds[-1] > self.bench.protocol.highest_seed:
                    self.watcher.say("no seeds are left to check the best settings on")
                    return
                found = CheckRecord(
                    number=best.number, seeds=list(seeds), folder=candidate.folder(self.bench)
                )
                self.folder.add(found)
        self.watcher.begin(f"trial {best.number} on seeds {describe_seeds(found.seeds)}")
        candidate.score(self.bench, tuple(found.seeds))
