"""Comparing rerun seeds with their reference numbers: did the code change its results?"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import EVERY_METRIC
from subliminal_bench.experiment.protocol import PROBE, Protocol
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.printable import unseen_character
from subliminal_bench.results.entries import entries_folder, read_entries
from subliminal_bench.results.run import Run
from subliminal_bench.results.tolerances import Tolerances


def protocols_behind(chosen: Protocol) -> list[Protocol]:
    """The protocols of a regression run: first the probe, then the chosen protocol.

    The chosen protocol covers everything, but float chaos blurs it; the probe ends before float
    chaos sets in.
    """
    return [PROBE] if chosen == PROBE else [PROBE, chosen]


class Status(IntEnum):
    """The outcome of an entry; its value is the command's exit code."""

    PASSED = 0
    REGRESSED = 1
    NEW = 3
    NO_BASELINE = 4
    OTHER_PROTOCOL = 5

    @property
    def text(self) -> str:
        """The outcome as it is printed."""
        return self.name.lower().replace("_", " ").replace("no baseline", "no baseline file")


# Three seeds of three references take less than a minute and detect the changes in our tests.
REGRESSION_SEEDS = (1, 2, 3)


# From the gravest to the least; the gravest outcome decides the command's exit code.
_GRAVEST = (
    Status.REGRESSED,
    Status.NO_BASELINE,
    Status.OTHER_PROTOCOL,
    Status.NEW,
    Status.PASSED,
)


@dataclass(frozen=True)
class Change:
    """The change of a metric from the reference to the rerun.

    Attributes:
        metric: its name.
        seeds: that have values in both.
        before: the reference's mean.
        after: the rerun's mean.
        tolerance: the largest allowed change of the mean.
        worst_seed: the seed with the largest change.
        worst: the change of that seed.
        worst_tolerance: the largest allowed change of a single seed.
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
        """The change in units of its tolerance; above 1 it is a regression."""
        pairs = ((self.after - self.before, self.tolerance), (self.worst, self.worst_tolerance))
        return max(
            abs(change) / tolerance if tolerance else (float("inf") if change else 0.0)
            for change, tolerance in pairs
        )

    @property
    def text(self) -> str:
        """One phrase with the metric, the seeds, the change and the tolerance."""
        metric = EVERY_METRIC[self.metric]
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
        outcome: the outcome.
        text: one line with the reason.
        changes: of all metrics, the largest in units of its tolerance first.
    """

    protocol: str
    entry: str
    outcome: Status
    text: str
    changes: tuple[Change, ...] = ()

    @property
    def line(self) -> str:
        """The finding as it is printed: outcome, entry and reason."""
        return f"{self.outcome.text}: {self.protocol}: {self.entry}: {self.text}"


def listed_entries(text: str) -> list[str]:
    """The names in a list joined by commas.

    Raises:
        ResultError: there are none, a name occurs twice, or one cannot be shown.

    >>> listed_entries("baseline, liminal")
    ['baseline', 'liminal']
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names) or unseen_character(text):
        raise ResultError(f"entries {text!r}: write different names, joined by commas")
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
    """The reference numbers of some entries, and the findings that need no rerun.

    Args:
        protocol: of the numbers.
        names: of the entries.
        root: the leaderboard's folder.
        seeds: to rerun.

    Returns:
        The reference runs by name for entries that can be compared, and a finding for every
        other entry.
    """
    folder = entries_folder(protocol, root)
    known = {run.mitigation.label: run for run in read_entries(folder).values()}
    if BASELINE not in known:
        text = f"{folder} has no numbers for the baseline"
        return {}, [Finding(protocol.label, name, Status.NO_BASELINE, text) for name in names]
    found: dict[str, Run] = {}
    said: list[Finding] = []
    for name in names:
        run = known.get(name)
        lacking = sorted(set(seeds) - set(run.seed_numbers)) if run else []
        if run is None:
            text = f"{folder} has no reference numbers for it yet"
            said.append(Finding(protocol.label, name, Status.NEW, text))
        elif run.protocol.label != protocol.label:
            text = (
                f"its reference numbers belong to {run.protocol.label}, this is "
                f"{protocol.label}: renew them if the new version is intended"
            )
            said.append(Finding(protocol.label, name, Status.OTHER_PROTOCOL, text))
        elif lacking:
            text = f"no reference numbers yet for {seeds_phrase(lacking)}"
            said.append(Finding(protocol.label, name, Status.NEW, text))
        else:
            found[name] = run
    return found, said


def compare_with_reference(reference: Run, rerun: Run, tolerances: Tolerances) -> Finding:
    """Compare rerun seeds with their reference numbers, seed by seed.

    Args:
        reference: a run with all seeds of the rerun.
        rerun: the seeds as the code computes them now.
        tolerances: of the same protocol.
    """
    changes = sorted(
        filter(
            None,
            (_change(reference, rerun, metric, tolerances) for metric in reference.measured),
        ),
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
                f"largest change: {top.metric}, {100 * top.excess:.0f} % of its tolerance"
            )
    said = "; ".join([*reasons, *_notes(reference, rerun)])
    label = rerun.protocol.label
    return Finding(label, reference.mitigation.label, outcome, said, tuple(changes))


def _other_settings(reference: Run, rerun: Run) -> list[str]:
    """Parameters of the reference that have another value now; new parameters do not count."""
    new = rerun.mitigation.settings
    return [
        f"parameter {name} was {value} and is {new.get(name, 'gone')}"
        for name, value in reference.mitigation.settings.items()
        if name not in new or new[name] != value
    ]


def _divergences(reference: Run, rerun: Run) -> list[str]:
    """Seeds that diverge in only one of the two runs."""
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
    """Facts that are not regressions themselves, but may explain one."""
    if reference.mitigation.source_sha256 != rerun.mitigation.source_sha256:
        return ["its source differs from that of the reference numbers"]
    return []


def _shown(value: float) -> str:
    return f"{value:.5g}"
