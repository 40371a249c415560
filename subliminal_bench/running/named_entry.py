"""The entry that a user names: a mitigation, or a finished run of one."""

from dataclasses import dataclass
from pathlib import Path

from subliminal_bench.errors import MitigationError, ProtocolError
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.run import MitigationRecord, RunHeader, read_run
from subliminal_bench.results.store import Store


@dataclass(frozen=True)
class NamedEntry:
    """How to load an entry.

    Attributes:
        spec: the mitigation, as `load_mitigation` takes it.
        settings: `name=value` each.
        protocol: that the run is from; empty if a mitigation is named.
        record: the run's mitigation; None likewise.
    """

    spec: str
    settings: tuple[str, ...] = ()
    protocol: str = ""
    record: MitigationRecord | None = None

    def chosen_protocol(self, wanted: str | None, default: str) -> str:
        """The protocol's name.

        Args:
            wanted: what the user asks for, if anything.
            default: if nothing else says it.

        Raises:
            ProtocolError: the run is from another one.
        """
        if self.protocol and wanted not in (None, self.protocol):
            raise ProtocolError(f"the run is from {self.protocol}, not {wanted}")
        return self.protocol or wanted or default

    def check(self, loaded: Mitigation) -> None:
        """Check that the loaded mitigation is the run's.

        Raises:
            MitigationError: its source or settings are others.
        """
        if self.record and MitigationRecord.of(loaded) != self.record:
            raise MitigationError(
                f"the run of {self.record.label} is from another source than the mitigation "
                f"{self.spec!r} that is found here",
                "name the mitigation's file instead of the run",
            )


def named_entry(name: str, store: Store) -> NamedEntry:
    """The entry of that name.

    Args:
        name: a mitigation as `load_mitigation` takes it; NAME:SETTING=VALUE with other
            settings; the file of a run; or the name of a folder in the store.
        store: to look in.

    Raises:
        ResultError: the file of a run cannot be read.

    >>> named_entry("liminal:lambda0=2.0", Store(Path("nowhere"))).settings
    ('lambda0=2.0',)
    """
    if name.endswith(".json"):
        return _of(read_run(Path(name)))
    folder = next((one for one in store.entries() if one.path.name == name), None)
    if folder:
        return _of(folder.header)
    named, _, rest = name.partition(":")
    if rest == "defaults":
        return NamedEntry(named)
    if "=" in rest:
        return NamedEntry(named, tuple(rest.split(",")))
    return NamedEntry(name)


def _of(run: RunHeader) -> NamedEntry:
    record = run.mitigation
    return NamedEntry(record.name, tuple(record.changed_settings), run.protocol.name, record)
