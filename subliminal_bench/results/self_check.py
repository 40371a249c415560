"""Whether a seed's numbers are possible, judged by what no mitigation changes.

A process that draws other numbers than the protocol's, whatever the reason, also trains other
teachers and other untrained models. Their metrics are known for the seeds of the committed
baseline. So a seed is checked before it is saved, and `store verify` finds seeds and teachers
that were saved by a version without this check.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from subliminal_bench import shipped
from subliminal_bench.errors import BenchmarkError, ResultError
from subliminal_bench.experiment.metrics import EVERY_METRIC
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.tracks import PROTOCOLS
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.array_files import read_weights
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.results.folders import RunFolder, check_teacher
from subliminal_bench.results.run import MitigationRecord, ProtocolRecord, Run
from subliminal_bench.results.store import Store
from subliminal_bench.results.tolerances import Tolerances, read_tolerances

_BASELINE = "baseline"
# Tolerances that hold between machines, taken this many times.
_FACTOR = 2.0


@dataclass(frozen=True)
class Fault:
    """Something in a store that cannot be a result of its protocol.

    Attributes:
        what: such as `liminal, seed 3`.
        why: what is wrong.
        files: to delete, so that it is computed again.
    """

    what: str
    why: str
    files: tuple[Path, ...]


def check_seed(
    protocol: Protocol, seed: int, metrics: Mapping[str, float | None], *, starts: bool
) -> str | None:
    """What is wrong with a seed's metrics; None if they are possible, or nothing is known.

    Args:
        protocol: the experiment.
        seed: of the student.
        metrics: its metrics by name.
        starts: whether its mitigation can change the student before the first step.
    """
    known = _known(protocol)
    if known is None or seed not in known.seed_numbers:
        return None
    expected = next(result.metrics for result in known.seeds if result.seed == seed)
    for metric in (EVERY_METRIC[name] for name in metrics):
        if metric.when == "at the end" or (starts and metric.when == "before the first step"):
            continue
        value, reference = metrics.get(metric.name), expected.get(metric.name)
        if value is None or reference is None:
            continue
        allowed = _FACTOR * _tolerances(protocol).single(_BASELINE, metric.name, reference)
        if abs(value - reference) > allowed:
            return (
                f"{metric.name} is {value:.6g}, but {reference:.6g} in the committed baseline, "
                "and no mitigation changes it"
            )
    return None


def check_run(run: Run, protocol: Protocol, *, starts: bool) -> None:
    """Refuse a run with an impossible seed.

    Raises:
        ResultError: with the seed, what is wrong and what to do.
    """
    for result in run.seeds:
        why = check_seed(protocol, result.seed, result.metrics, starts=starts)
        if why:
            raise ResultError(
                f"{run.mitigation.label}, seed {result.seed} in the store: {why}",
                "the command `subliminal-bench store verify` finds all such results, and can "
                "delete them",
            )


def find_faults(store: Store) -> Iterator[Fault]:
    """Everything in a store that is damaged or impossible, teachers first."""
    for protocol in PROTOCOLS.values():
        for folder in sorted((store.root / protocol.label).glob("teachers-*")):
            yield from _teacher_faults(protocol, folder, store.root)
    for entry in store.entries():
        named = PROTOCOLS.get(entry.header.protocol.name)
        same = named is not None and ProtocolRecord.of(named) == entry.header.protocol
        yield from _seed_faults(entry, named if same else None)


def _teacher_faults(protocol: Protocol, folder: Path, store: Path) -> Iterator[Fault]:
    for path in sorted(folder.glob("seed-*.safetensors")):
        seed = int(path.stem.removeprefix("seed-"))
        try:
            why = check_teacher(protocol, seed, read_weights(path, store))
        except (ResultError, RuntimeError) as error:
            why = str(error)
        if why:
            yield Fault(f"teacher of seed {seed} under {protocol.name}", why, (path,))


def _seed_faults(entry: RunFolder, protocol: Protocol | None) -> Iterator[Fault]:
    label = f"{entry.header.mitigation.label} under {entry.header.protocol.name}"
    starts = protocol is not None and _can_start(entry.header.mitigation)
    for seed in entry.finished():
        try:
            (result,) = entry.run([seed]).seeds
            entry.curves(seed)
            entry.weights(seed)
            why = protocol and check_seed(protocol, seed, result.metrics, starts=starts)
        except ResultError as error:
            why = str(error)
        if why:
            yield Fault(f"{label}, seed {seed}", why, entry.files(seed))


def _can_start(record: MitigationRecord) -> bool:
    """Whether a mitigation implements `start`; assumed of one that is not installed."""
    try:
        loaded = load_mitigation(record.name)
    except BenchmarkError:
        return True
    alike = loaded.source_sha256 == record.source_sha256
    return not alike or any("start" in plugin.hooks for plugin in loaded.plugins)


@cache
def _known(protocol: Protocol) -> Run | None:
    """The committed baseline, if its tolerances were measured."""
    if protocol.name not in PROTOCOLS:
        return None
    known = committed_entry(_BASELINE, protocol)
    return known if known and _path(protocol).is_file() else None


@cache
def _tolerances(protocol: Protocol) -> Tolerances:
    return read_tolerances(shipped.folder("leaderboard"), protocol)


def _path(protocol: Protocol) -> Path:
    return shipped.folder("leaderboard") / "tolerances" / f"{protocol.name}.json"
