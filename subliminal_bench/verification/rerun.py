"""Running references anew, past every kept result: to check or to renew their numbers."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.entries import entries_folder, read_entry_files
from subliminal_bench.results.run import Run, write_run
from subliminal_bench.results.store import Store
from subliminal_bench.results.submission import entry_file_name
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.progress import Silent, Watcher
from subliminal_bench.verification.regression import (
    Finding,
    compare_with_reference,
    protocols_behind,
    reference_numbers,
)
from subliminal_bench.verification.tolerances import read_tolerances


@dataclass(frozen=True)
class Place:
    """Where references are rerun.

    Attributes:
        protocol: under which.
        root: the leaderboard's folder, with their numbers.
        device: where to train.
        data_dir: folder with MNIST's files; see `data.load`.
        watcher: told of the progress.
    """

    protocol: Protocol
    root: Path
    device: torch.device
    data_dir: Path | None = None
    watcher: Watcher = Silent()  # noqa: RUF009 (it holds nothing)

    def rerun(
        self, names: Sequence[str], seeds: tuple[int, ...], shared: Path | None = None
    ) -> dict[str, Run]:
        """Train the seeds anew; no kept result is used and none is left behind.

        Args:
            names: of the entries.
            seeds: which.
            shared: a folder where processes of one test run share their results.
        """
        with fresh_bench(self, shared) as bench:
            runs = bench.run([load_mitigation(name) for name in names], seeds)
        return dict(zip(names, runs, strict=True))

    def regress(
        self, names: Sequence[str], seeds: tuple[int, ...], shared: Path | None = None
    ) -> list[Finding]:
        """Rerun seeds of some entries and hold them to their reference numbers; see `rerun`.

        The same under the probe comes first.

        Raises:
            ResultError: no tolerances were measured under a protocol.
        """
        found = []
        for protocol in protocols_behind(self.protocol):
            known, said = reference_numbers(protocol, names, self.root, seeds)
            if known:
                measured = read_tolerances(self.root, protocol)
                reran = replace(self, protocol=protocol).rerun(list(known), seeds, shared)
                said += [
                    compare_with_reference(reference, reran[name], measured)
                    for name, reference in known.items()
                ]
            found += sorted(said, key=lambda finding: list(names).index(finding.entry))
        return found


@contextmanager
def fresh_bench(place: Place, shared: Path | None = None) -> Iterator[Bench]:
    """A bench whose store is empty and goes away, or one that processes share."""
    with tempfile.TemporaryDirectory(prefix="subliminal-bench-") as folder:
        store = Store(shared or Path(folder))
        yield Bench(place.protocol, place.device, store, place.data_dir, place.watcher)


@dataclass(frozen=True)
class ReferenceUpdate:
    """New reference numbers beside the old ones, not written yet.

    Attributes:
        path: the file.
        old: what it holds, where it is there.
        new: what it would hold.
    """

    path: Path
    old: Run | None
    new: Run

    def rows(self) -> list[list[str]]:
        """Metric, mean before, mean after and the largest change of a seed.

        Only seeds that both have; no old numbers where those are of another protocol.
        """
        old = (
            self.old
            if self.old and self.old.protocol.label == self.new.protocol.label
            else None
        )
        rows = []
        for metric in METRICS.values():
            before = _values(old, metric.name, self.new.seed_numbers)
            after = _values(
                self.new, metric.name, list(before) if old else self.new.seed_numbers
            )
            moved = [after[seed] - before[seed] for seed in before if seed in after]
            rows.append(
                [
                    metric.heading.strip(),
                    metric.show(sum(before.values()) / len(before)) if before else "—",
                    metric.show(sum(after.values()) / len(after)) if after else "—",
                    metric.show(max(moved, key=abs), signed=True) if moved else "—",
                ]
            )
        return rows

    def write(self) -> None:
        """Replace the file's numbers."""
        write_run(self.path, self.new)


def reference_updates(
    place: Place, names: Sequence[str], seeds: tuple[int, ...] | None
) -> list[ReferenceUpdate]:
    """Run entries anew for new reference numbers; nothing is written.

    Args:
        place: where.
        names: of the entries.
        seeds: the seeds of the new numbers; those of the old ones when left out.

    Raises:
        ResultError: in CI, or there are neither seeds nor old numbers to take them from.
    """
    refuse_in_ci()
    folder = entries_folder(place.protocol, place.root)
    present = read_entry_files(folder)
    before = {name: present.get(name, (None, None)) for name in names}
    by_seeds: dict[tuple[int, ...], list[str]] = {}
    for name, (_, old) in before.items():
        wanted = seeds or (old.seed_numbers if old else None)
        if wanted is None:
            raise ResultError(
                f"{name} has no reference numbers yet: say which --seeds they are of"
            )
        by_seeds.setdefault(wanted, []).append(name)
    # Entries of the same seeds share teachers and noise.
    runs = {
        name: run
        for wanted, together in by_seeds.items()
        for name, run in place.rerun(together, wanted).items()
    }
    return [
        ReferenceUpdate(path or folder / entry_file_name(runs[name]), old, runs[name])
        for name, (path, old) in before.items()
    ]


def refuse_in_ci() -> None:
    """Reference numbers are renewed by a person who looks at them.

    Raises:
        ResultError: this is CI, by its environment.
    """
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        raise ResultError(
            "--update-reference is refused in CI (the variable CI is set): renew reference "
            "numbers by hand and commit them"
        )


def _values(run: Run | None, metric: str, seeds: Sequence[int]) -> dict[int, float]:
    if run is None:
        return {}
    chosen = [seed for seed in seeds if seed in run.seed_numbers]
    pairs = zip(chosen, run.column(metric, chosen), strict=True)
    return {seed: value for seed, value in pairs if value is not None}
