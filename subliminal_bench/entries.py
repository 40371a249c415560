"""Committed entries: the numbers that ship with the project.

`leaderboard/entries/` holds the canonical protocol's, which make up the leaderboard;
`leaderboard/references/` those of the references under the embedded protocol.
"""

from pathlib import Path

from subliminal_bench import shipped
from subliminal_bench.errors import ResultError
from subliminal_bench.protocol import Protocol
from subliminal_bench.results import ProtocolRecord, Run, read_run


def folders() -> tuple[Path, ...]:
    """Where entries are kept."""
    root = shipped.folder("leaderboard")
    return root / "entries", root / "references"


def read(folder: Path) -> dict[str, Run]:
    """All entries of a folder by name, in the order of their names.

    Raises:
        ResultError: a file cannot be read, or two hold an entry of the same name.
    """
    found: dict[str, tuple[Path, Run]] = {}
    for path in sorted(folder.glob("*.json")):
        run = read_run(path)
        name = run.mitigation.label
        if name in found:
            raise ResultError(f"{path} and {found[name][0].name} both hold an entry {name!r}")
        found[name] = path, run
    return {name: found[name][1] for name in sorted(found)}


def committed(name: str, protocol: Protocol) -> Run | None:
    """The committed entry of that mitigation under that protocol and version."""
    record = ProtocolRecord.of(protocol)
    for folder in folders():
        for run in read(folder).values():
            if run.mitigation.name == name and run.protocol == record:
                return run
    return None
