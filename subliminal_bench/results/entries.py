"""Committed entries: the numbers that ship with the project, and which runs may be added.

`leaderboard/entries/` holds the entries of the canonical protocol, which form the leaderboard.
`leaderboard/references/PROTOCOL/` holds the references' numbers under another protocol.
"""

from collections.abc import Collection
from pathlib import Path

from subliminal_bench import shipped
from subliminal_bench.errors import ProtocolError, ResultError
from subliminal_bench.experiment.protocol import CANONICAL, Protocol
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.mitigation.card import hidden_from, sees_labels
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.run import ProtocolRecord, Run, read_run
from subliminal_bench.untrusted.lookalike import looks_of

# An entry with fewer seeds shows too little.
FEWEST_SEEDS = 20


def entries_folder(protocol: Protocol, root: Path | None = None) -> Path:
    """The folder of a protocol's entries, in `root` or in the leaderboard that ships."""
    root = root or shipped.folder("leaderboard")
    return (
        root / "entries"
        if protocol.name == CANONICAL.name
        else root / "references" / protocol.name
    )


def read_entries(folder: Path, pattern: str = "*.json") -> dict[str, Run]:
    """All entries of a folder by label, in order of their labels; see `read_entry_files`."""
    return {label: run for label, (_, run) in read_entry_files(folder, pattern).items()}


def read_entry_files(folder: Path, pattern: str = "*.json") -> dict[str, tuple[Path, Run]]:
    """All entries of a folder with their files, by label, in order of their labels.

    Raises:
        ResultError: a file cannot be read, or two files have entries with the same label, or
            of names that look alike.
    """
    found: dict[str, tuple[Path, Run]] = {}
    looks: dict[str, tuple[str, Path]] = {}
    # Some installers make every installed file a link.
    is_installed = not shipped.is_checkout() and shipped.folder("leaderboard") in folder.parents
    for path in sorted(folder.glob(pattern)):
        run = read_run(path, None if is_installed else folder.parent)
        label, name = run.mitigation.label, run.mitigation.name
        if label in found:
            raise ResultError(f"{path} and {found[label][0].name} both contain entry {label!r}")
        other, its_path = looks.setdefault(looks_of(name), (name, path))
        if other != name:
            raise ResultError(
                f"{path}: mitigation.name: {name!r} can be taken for {other!r} in "
                f"{its_path.name}"
            )
        found[label] = path, run
    return {label: found[label] for label in sorted(found)}


def committed_entry(name: str, protocol: Protocol, changed: Collection[str] = ()) -> Run | None:
    """The committed entry of a mitigation under a protocol in its current version.

    Args:
        name: the mitigation's.
        protocol: the experiment.
        changed: its settings that differ from their defaults, `name=value` each, in any order.
    """
    record = ProtocolRecord.of(protocol)
    # The file's name starts with the entry's; that must not be a path or a pattern.
    if any(letter in name for letter in "/\\*?[]"):
        return None
    for run in read_entries(entries_folder(protocol), f"{name}*.json").values():
        same = run.mitigation.name == name and run.protocol == record
        if same and set(run.mitigation.changed_settings) == set(changed):
            return run
    return None


def check_eligible(run: Run) -> None:
    """Check that a run may become an entry of the leaderboard.

    Raises:
        ProtocolError: it is not from this version of the canonical protocol.
        ResultError: its seeds are not 1 to n or are too few, or it was not shown to be as blind
            as its card declares.
    """
    expected = ProtocolRecord.of(CANONICAL)
    name, access = run.mitigation.name, run.mitigation.access
    if run.protocol != expected:
        ours = run.protocol.label
        detail = f"{ours} with another fingerprint" if ours == expected.label else ours
        raise ProtocolError(f"{name} is from {detail}; the leaderboard needs {expected.label}")
    if run.blindness and not run.blindness.shown:
        raise ResultError(
            f"{name} declares access {access!r}, but other {hidden_from(access)} change its "
            f"student of seed {run.blindness.seed}"
        )
    if not sees_labels(access) and run.blindness is None:
        raise ResultError(f"{name} was not shown to be blind: score its source again")
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
    """Whether a run must be shown to be blind before it may become an entry."""
    return protocol.is_canonical and not sees_labels(mitigation.access)


def entry_file_name(run: Run) -> str:
    """An entry's file name: its name, with a hash of its settings if any was changed."""
    return f"{run.mitigation.file_stem}.json"
