"""Committed entries: the numbers that ship with the project.

`leaderboard/entries/` holds the canonical protocol's, which make up the leaderboard;
`leaderboard/references/PROTOCOL/` the references' under another protocol.
"""

from pathlib import Path

from subliminal_bench import shipped
from subliminal_bench.errors import ResultError
from subliminal_bench.protocol import MNIST, Protocol
from subliminal_bench.results import ProtocolRecord, Run, read_run


def folder_of(protocol: Protocol, root: Path | None = None) -> Path:
    """Where a protocol's entries are kept: in `root`, else in the leaderboard that ships."""
    root = root or shipped.folder("leaderboard")
    return (
        root / "entries" if protocol.name == MNIST.name else root / "references" / protocol.name
    )


def read(folder: Path, pattern: str = "*.json") -> dict[str, Run]:
    """All entries of a folder by their labels, in the order of those; see `read_files`."""
    return {label: run for label, (_, run) in read_files(folder, pattern).items()}


def read_files(folder: Path, pattern: str = "*.json") -> dict[str, tuple[Path, Run]]:
    """All entries of a folder with their files, by their labels and in the order of those.

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


def committed(name: str, protocol: Protocol) -> Run | None:
    """The committed entry of that mitigation under that protocol and version."""
    record = ProtocolRecord.of(protocol)
    # An entry's file begins with its name, which may hold anything but a path or a pattern.
    if any(letter in name for letter in "/\\*?[]"):
        return None
    for run in read(folder_of(protocol), f"{name}*.json").values():
        if run.mitigation.label == name and run.protocol == record:
            return run
    return None
