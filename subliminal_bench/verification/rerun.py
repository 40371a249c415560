"""Rerunning references without any kept results, to check or to renew their numbers."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from subliminal_bench.errors import ResultError, Setting
from subliminal_bench.experiment.metrics import EVERY_METRIC
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.entries import (
    entries_folder,
    entry_file_name,
    needs_blindness,
    read_entry_files,
)
from subliminal_bench.results.run import Run, write_run
from subliminal_bench.results.store import Store
from subliminal_bench.results.thinned import ThinnedCurves, thinned_file
from subliminal_bench.results.tolerances import read_tolerances
from subliminal_bench.running.bench import Bench
from subliminal_bench.verification.regression import (
    Finding,
    compare_with_reference,
    protocols_behind,
    reference_numbers,
)


@contextmanager
def fresh(bench: Bench, shared: Path | None = None) -> Iterator[Bench]:
    """The bench with an empty temporary store, or with one that processes share."""
    with tempfile.TemporaryDirectory(prefix="subliminal-bench-") as folder:
        # What differs from the references is what the caller looks for.
        yield replace(bench, store=Store(shared or Path(folder)), self_check=False)


def rerun_entries(
    bench: Bench,
    names: Sequence[str],
    seeds: tuple[int, ...],
    shared: Path | None = None,
    show_blind: bool = False,
) -> dict[str, Run]:
    """Train seeds again; no kept result is used and no result is kept.

    Args:
        bench: runs them.
        names: of the entries.
        seeds: to rerun.
        shared: a folder where processes of one test run share their results.
        show_blind: whether to test blindness too, for entries that need it.
    """
    mitigations = [load_mitigation(name) for name in names]
    shown = [one for one in mitigations if show_blind and needs_blindness(bench.protocol, one)]
    with fresh(bench, shared) as anew:
        runs = anew.run(mitigations, seeds, shown)
    return dict(zip(names, runs, strict=True))


def regress(
    bench: Bench,
    leaderboard: Path,
    names: Sequence[str],
    seeds: tuple[int, ...],
    shared: Path | None = None,
) -> list[Finding]:
    """Rerun seeds of some entries and compare them with their reference numbers.

    The seeds are rerun under the probe first.

    Args:
        bench: runs them.
        leaderboard: its folder, with the reference numbers and tolerances.
        names: of the entries.
        seeds: to rerun.
        shared: see `rerun_entries`.

    Raises:
        ResultError: no tolerances were measured under one of the protocols.
    """
    found = []
    for protocol in protocols_behind(bench.protocol):
        known, said = reference_numbers(protocol, names, leaderboard, seeds)
        if known:
            measured = read_tolerances(leaderboard, protocol)
            reran = rerun_entries(replace(bench, protocol=protocol), list(known), seeds, shared)
            said += [
                compare_with_reference(reference, reran[name], measured)
                for name, reference in known.items()
            ]
        found += sorted(said, key=lambda finding: list(names).index(finding.entry))
    return found


@dataclass(frozen=True)
class ReferenceUpdate:
    """New reference numbers and the old ones; the new ones are not written yet.

    Attributes:
        path: the file.
        old: its content; None if it does not exist.
        new: its new content.
        curves: the new numbers' thinned curves.
        curves_path: their file.
    """

    path: Path
    old: Run | None
    new: Run
    curves: ThinnedCurves
    curves_path: Path

    def rows(self) -> list[list[str]]:
        """Metric, mean before, mean after and the largest change of a seed.

        Only seeds that both have count; old numbers of another protocol are left out.
        """
        old = (
            self.old
            if self.old and self.old.protocol.label == self.new.protocol.label
            else None
        )
        rows = []
        for metric in (EVERY_METRIC[name] for name in self.new.measured):
            before = _values(old, metric.name, self.new.seed_numbers)
            after = _values(
                self.new, metric.name, list(before) if old else self.new.seed_numbers
            )
            moved = [after[seed] - before[seed] for seed in before if seed in after]
            rows.append(
                [
                    metric.heading,
                    metric.show(sum(before.values()) / len(before)) if before else "—",
                    metric.show(sum(after.values()) / len(after)) if after else "—",
                    metric.show(max(moved, key=abs), signed=True) if moved else "—",
                ]
            )
        return rows

    def write(self) -> None:
        """Replace the file's numbers, and the curves beside it."""
        write_run(self.path, self.new, kept=True)
        self.curves.write(self.curves_path)


def reference_updates(
    bench: Bench, leaderboard: Path, names: Sequence[str], seeds: tuple[int, ...] | None
) -> list[ReferenceUpdate]:
    """Rerun entries for new reference numbers; nothing is written.

    Args:
        bench: runs them.
        leaderboard: its folder.
        names: of the entries.
        seeds: of the new numbers; by default the seeds of the old numbers.

    Raises:
        ResultError: this is CI, or there are neither seeds nor old numbers to take them from.
    """
    refuse_in_ci()
    folder = entries_folder(bench.protocol, leaderboard)
    present = read_entry_files(folder)
    before = {name: present.get(name, (None, None)) for name in names}
    by_seeds: dict[tuple[int, ...], list[str]] = {}
    for name, (_, old) in before.items():
        wanted = seeds or (old.seed_numbers if old else None)
        if wanted is None:
            raise ResultError(
                f"{name} has no reference numbers yet",
                "choose ",
                Setting("seeds"),
                " for them",
            )
        by_seeds.setdefault(wanted, []).append(name)
    runs: dict[str, Run] = {}
    curves: dict[str, ThinnedCurves] = {}
    # Entries with the same seeds share teachers and noise.
    for wanted, together in by_seeds.items():
        with tempfile.TemporaryDirectory(prefix="subliminal-bench-") as shared:
            store = Path(shared)
            found = rerun_entries(bench, together, wanted, store, show_blind=True)
            for name, run in found.items():
                runs[name] = run
                curves[name] = ThinnedCurves.of(run, Store(store).curves(run))
    return [
        ReferenceUpdate(
            path or folder / entry_file_name(runs[name]),
            old,
            runs[name],
            curves[name],
            thinned_file(leaderboard, runs[name]),
        )
        for name, (path, old) in before.items()
    ]


def refuse_in_ci() -> None:
    """Refuse new reference numbers in CI: a person must renew and inspect them.

    Raises:
        ResultError: the environment is CI.
    """
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        raise ResultError(
            "CI must not write new reference numbers (the variable CI is set): renew them by "
            "hand and commit them"
        )


def _values(run: Run | None, metric: str, seeds: Sequence[int]) -> dict[int, float]:
    if run is None:
        return {}
    chosen = [seed for seed in seeds if seed in run.seed_numbers]
    pairs = zip(chosen, run.column(metric, chosen), strict=True)
    return {seed: value for seed, value in pairs if value is not None}
