"""Rerun seeds against their reference numbers: did the code change what it computes?"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import PROBE, Protocol
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.results.entries import entries_folder, read_entries
from subliminal_bench.results.run import Run
from subliminal_bench.verification.tolerances import Tolerances


def protocols_behind(chosen: Protocol) -> list[Protocol]:
    """What a regression run reruns: the probe first, then the protocol itself.

    A whole run sees everything, but through float chaos; the probe ends before that sets in.
    """
    return [PROBE] if chosen == PROBE else [PROBE, chosen]


class Status(IntEnum):
    """What became of an entry; the value is the command's exit code."""

    PASSED = 0
    REGRESSED = 1
    NEW = 3
    NO_BASELINE = 4
    OTHER_PROTOCOL = 5

    @property
    def text(self) -> str:
        """As it is printed."""
        return self.name.lower().replace("_", " ").replace("no baseline", "no baseline file")


# Three seeds of three references take less than a minute and catch what the tests plant.
REGRESSION_SEEDS = (1, 2, 3)


# What a command that met several of them ends with: the first of these.
_GRAVEST = (
    Status.REGRESSED,
    Status.NO_BASELINE,
    Status.OTHER_PROTOCOL,
    Status.NEW,
    Status.PASSED,
)


@dataclass(frozen=True)
class Change:
    """What a metric did between reference and rerun.

    Attributes:
        metric: its name.
        seeds: whose values these are.
        before: the reference's mean.
        after: the rerun's mean.
        tolerance: how far the means may be apart.
        worst_seed: the seed that is furthest from its reference value.
        worst: by how much.
        worst_tolerance: how far a single seed may be.
    """

    metric: str
    seeds: tuple[int, ...]
    before: float
    after: float
    tolerance: float
    worst_seed: int
    worst: float
    worst_tolerance: float

    @property
    def excess(self) -> float:
        """Change in units of its tolerance: a regression where it is above 1."""
        pairs = ((self.after - self.before, self.tolerance), (self.worst, self.worst_tolerance))
        return max(
            abs(change) / tolerance if tolerance else (float("inf") if change else 0.0)
            for change, tolerance in pairs
        )

    @property
    def text(self) -> str:
        """One phrase: metric, seeds, by how much, against what tolerance."""
        metric = METRICS[self.metric]
        mean_is_worse = abs(self.after - self.before) * self.worst_tolerance >= (
            abs(self.worst) * self.tolerance
        )
        if mean_is_worse or len(self.seeds) == 1:
            change, tolerance, who = self.after - self.before, self.tolerance, "mean change"
        else:
            change, tolerance = self.worst, self.worst_tolerance
            who = f"change of seed {self.worst_seed}"
        return (
            f"{metric.name}, {seeds_phrase(self.seeds)}: {_shown(self.before)} -> "
            f"{_shown(self.after)} ({who} {change:+.3g}, tolerance {tolerance:.3g})"
        )


@dataclass(frozen=True)
class Finding:
    """One entry's outcome.

    Attributes:
        protocol: the label of the protocol.
        entry: the mitigation's name.
        outcome: what became of it.
        text: one line that says so.
        changes: every metric's, the largest in units of its tolerance first.
    """

    protocol: str
    entry: str
    outcome: Status
    text: str
    changes: tuple[Change, ...] = ()

    @property
    def line(self) -> str:
        """As it is printed: outcome, entry and why."""
        return f"{self.outcome.text}: {self.protocol}: {self.entry}: {self.text}"


def listed_entries(text: str) -> list[str]:
    """The names in a list joined by commas.

    Raises:
        ResultError: there is none, or one twice.

    >>> listed_entries("baseline, liminal")
    ['baseline', 'liminal']
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise ResultError(f"entries {text!r}: name entries, each once, joined by commas")
    return names


def gravest(findings: Sequence[Finding]) -> Status:
    """The outcome of all entries together.

    >>> said = [(Status.PASSED, "as before"), (Status.NEW, "no numbers yet")]
    >>> gravest([Finding("mnist-v1", "baseline", *one) for one in said])
    <Status.NEW: 3>
    """
    return min((finding.outcome for finding in findings), key=_GRAVEST.index)


def reference_numbers(
    protocol: Protocol, names: Sequence[str], root: Path, seeds: Sequence[int]
) -> tuple[dict[str, Run], list[Finding]]:
    """The reference numbers of some entries, and what can be said of the others at once.

    Args:
        protocol: under which they are held.
        names: of the entries.
        root: the leaderboard's folder.
        seeds: that are to be rerun.

    Returns:
        The reference runs by name, for those that can be compared, and a finding for each of
        the others.
    """
    folder = entries_folder(protocol, root)
    known = {run.mitigation.label: run for run in read_entries(folder).values()}
    if BASELINE not in known:
        text = f"{folder} holds no numbers of the baseline"
        return {}, [Finding(protocol.label, name, Status.NO_BASELINE, text) for name in names]
    found: dict[str, Run] = {}
    said: list[Finding] = []
    for name in names:
        run = known.get(name)
        lacking = sorted(set(seeds) - set(run.seed_numbers)) if run else []
        if run is None:
            text = f"{folder} holds no reference numbers yet"
            said.append(Finding(protocol.label, name, Status.NEW, text))
        elif run.protocol.label != protocol.label:
            text = (
                f"its reference numbers are of {run.protocol.label}, this is {protocol.label}: "
                "renew them once the new version is meant"
            )
            said.append(Finding(protocol.label, name, Status.OTHER_PROTOCOL, text))
        elif lacking:
            text = f"no reference numbers yet for {seeds_phrase(lacking)}"
            said.append(Finding(protocol.label, name, Status.NEW, text))
        else:
            found[name] = run
    return found, said


def compare_with_reference(reference: Run, rerun: Run, tolerances: Tolerances) -> Finding:
    """Hold rerun seeds against their reference numbers, seed by seed.

    Args:
        reference: with all seeds of the rerun.
        rerun: the seeds as the code computes them now.
        tolerances: of the same protocol.
    """
    changes = sorted(
        filter(None, (_change(reference, rerun, metric, tolerances) for metric in METRICS)),
        key=lambda change: -change.excess,
    )
    broken = [change for change in changes if change.excess > 1]
    reasons = _divergences(reference, rerun) + _other_settings(reference, rerun)
    if broken:
        others = f" and {len(broken) - 1} more metrics" if len(broken) > 1 else ""
        reasons.append(broken[0].text + others)
    if reference.protocol != rerun.protocol:
        reasons.append("the protocol's fixed numbers changed without a new version")
    outcome = Status.REGRESSED if reasons else Status.PASSED
    if not reasons:
        reasons = [f"{seeds_phrase(rerun.seed_numbers)} within float chaos"]
        if changes:
            top = changes[0]
            reasons.append(
                f"furthest is {top.metric}, {100 * top.excess:.0f} % of its tolerance"
            )
    said = "; ".join([*reasons, *_notes(reference, rerun)])
    label = rerun.protocol.label
    return Finding(label, reference.mitigation.label, outcome, said, tuple(changes))


def _other_settings(reference: Run, rerun: Run) -> list[str]:
    """Parameters of the reference that have another value now; new ones change nothing yet."""
    new = rerun.mitigation.settings
    return [
        f"parameter {name} was {value} and is {new.get(name, 'gone')}"
        for name, value in reference.mitigation.settings.items()
        if name not in new or new[name] != value
    ]


def _divergences(reference: Run, rerun: Run) -> list[str]:
    """Seeds that diverge in one of the two only."""
    before = {result.seed: result.diverged_at for result in reference.seeds}
    return [
        f"seed {result.seed} {_end(before[result.seed])} before, {_end(result.diverged_at)} now"
        for result in rerun.seeds
        if (before[result.seed] is None) != (result.diverged_at is None)
    ]


def _end(diverged_at: int | None) -> str:
    return "trained to its end" if diverged_at is None else f"diverged at step {diverged_at}"


def _change(reference: Run, rerun: Run, metric: str, tolerances: Tolerances) -> Change | None:
    seeds = rerun.seed_numbers
    pairs = [
        (seed, old, new)
        for seed, old, new in zip(
            seeds, reference.column(metric, seeds), rerun.column(metric), strict=True
        )
        if old is not None and new is not None
    ]
    if not pairs:
        return None
    name = reference.mitigation.label
    before, after = (sum(pair[i] for pair in pairs) / len(pairs) for i in (1, 2))
    worst_seed, old, new = max(pairs, key=lambda pair: abs(pair[2] - pair[1]))
    return Change(
        metric=metric,
        seeds=tuple(seed for seed, _, _ in pairs),
        before=before,
        after=after,
        tolerance=tolerances.mean(name, metric, before, len(pairs)),
        worst_seed=worst_seed,
        worst=new - old,
        worst_tolerance=tolerances.single(name, metric, old),
    )


def _notes(reference: Run, rerun: Run) -> list[str]:
    """What is no regression by itself, but may explain one."""
    if reference.mitigation.source_sha256 != rerun.mitigation.source_sha256:
        return ["its source is another one than the reference numbers'"]
    return []


def _shown(value: float) -> str:
    return f"{value:.5g}"
