"""Committed entries: the numbers that ship with the project, and which runs may become one.

`leaderboard/entries/` holds the canonical protocol's, which make up the leaderboard;
`leaderboard/references/PROTOCOL/` the references' under another protocol.
"""

import hashlib
import json
from pathlib import Path

from subliminal_bench import shipped
from subliminal_bench.errors import Call, ProtocolError, ResultError, Setting
from subliminal_bench.experiment.protocol import CANONICAL, Protocol
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.run import ProtocolRecord, Run, read_run, write_run

# The first of the plan's looks: an entry with fewer seeds shows too little.
FEWEST_SEEDS = 20


def entries_folder(protocol: Protocol, root: Path | None = None) -> Path:
    """Where a protocol's entries are kept: in `root`, else in the leaderboard that ships."""
    root = root or shipped.folder("leaderboard")
    return (
        root / "entries"
        if protocol.name == CANONICAL.name
        else root / "references" / protocol.name
    )


def read_entries(folder: Path, pattern: str = "*.json") -> dict[str, Run]:
    """All entries of a folder by their labels, in their order; see `read_entry_files`."""
    return {label: run for label, (_, run) in read_entry_files(folder, pattern).items()}


def read_entry_files(folder: Path, pattern: str = "*.json") -> dict[str, tuple[Path, Run]]:
    """All entries of a folder with their files, by their labels, in their order.

    Raises:
        ResultError: a file cannot be read, or two hold an entry of the same label.
    """
    found: dict[str, tuple[Path, Run]] = {}
    for path in sorted(folder.glob(pattern)):
        run = read_run(path)
        label = run.mitigation.label
        if label in found:
            raise ResultError(f"{path} and {found[label][0].name} both hold an entry {label!r}")
        found[label] = path, run
    return {label: found[label] for label in sorted(found)}


def committed_entry(name: str, protocol: Protocol) -> Run | None:
    """The committed entry of that mitigation under that protocol and version."""
    record = ProtocolRecord.of(protocol)
    # An entry's file begins with its name, which may hold anything but a path or a pattern.
    if any(letter in name for letter in "/\\*?[]"):
        return None
    for run in read_entries(entries_folder(protocol), f"{name}*.json").values():
        if run.mitigation.label == name and run.protocol == record:
            return run
    return None


def check_eligible(run: Run) -> None:
    """Whether a run may stand in the table.

    Raises:
        ProtocolError: it is not from the canonical protocol of this version.
        ResultError: its seeds are not 1 to n, or are too few, or were not fixed beforehand; or
            it sees what it should not.
    """
    expected = ProtocolRecord.of(CANONICAL)
    name = run.mitigation.name
    if run.protocol != expected:
        ours = run.protocol.label
        detail = f"{ours} with another fingerprint" if ours == expected.label else ours
        raise ProtocolError(f"{name} is from {detail}; a leaderboard takes {expected.label}")
    if run.blindness and not run.blindness.shown:
        raise ResultError(
            f"{name} declares access 'blind', but other audit and test digits change its "
            f"student of seed {run.blindness.seed}"
        )
    if run.looks:
        raise ResultError(
            f"{name} was run with early stopping, and the leaderboard compares seeds that were "
            "fixed beforehand",
            "run it without, into another ",
            Setting("store"),
        )
    count = len(run.seeds)
    wanted = tuple(range(1, count + 1))
    if run.seed_numbers != wanted:
        lacking = set(range(1, max(run.seed_numbers) + 1)) - set(run.seed_numbers)
        raise ResultError(
            f"{name} lacks seeds {describe_seeds(lacking)}: an entry has seeds 1 to n"
        )
    if count < FEWEST_SEEDS:
        raise ResultError(f"{name} has {count} seeds; an entry needs at least {FEWEST_SEEDS}")


def needs_blindness(protocol: Protocol, mitigation: Mitigation) -> bool:
    """Whether a run may become an entry only once it was shown to be blind."""
    return protocol.is_canonical and mitigation.access == "blind"


def submit_run(run: Run, folder: Path, replace: bool = False) -> Path:
    """Write a run into the folder of entries.

    Args:
        run: seeds 1 to n of the canonical protocol.
        folder: the entries.
        replace: overwrite an entry of the same name and settings.

    Raises:
        ProtocolError, ResultError: the run is not eligible, or its name is taken.

    Returns:
        The entry's file.
    """
    check_eligible(run)
    if run.mitigation.access == "blind" and run.blindness is None:
        raise ResultError(
            f"{run.mitigation.name} was not shown to be blind",
            "finish it with ",
            Call("run", run.mitigation.name, (Setting("protocol", run.protocol.name),)),
        )
    label = run.mitigation.label
    present = read_entry_files(folder)
    if label in present:
        path, _ = present[label]
        if not replace:
            raise ResultError(
                f"there is an entry {label!r} already",
                Setting("replace", switch=True),
                " writes over it",
            )
    else:
        path = folder / entry_file_name(run)
        if path.exists():
            raise ResultError(f"{path} holds another entry: give the mitigation another name")
    write_run(path, run)
    return path


def entry_file_name(run: Run) -> str:
    """An entry's file: its name, with a hash of its settings where those were changed."""
    mitigation = run.mitigation
    if not mitigation.changed:
        return f"{mitigation.name}.json"
    settings = json.dumps(mitigation.settings, sort_keys=True)
    return f"{mitigation.name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}.json"
