"""Sending mitigations to machines that do not have their files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from subliminal_bench.errors import MitigationError, ResultError
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.mitigation.plugin import Plugin
from subliminal_bench.mitigation.sources import MOST_BYTES, Sources, read_sources
from subliminal_bench.running.jobs import Job
from subliminal_bench.untrusted.regular_file import read_bytes


@dataclass(frozen=True)
class _Part:
    """One plugin: its file's name and sources, or the module that it is imported from."""

    name: str
    attribute: str
    sources: Sources | None

    def placed(self, folder: Path) -> str:
        """The specification to load, after writing the sources to a separate folder."""
        place = self.name
        if self.sources is not None:
            for name, source in {**self.sources.beside, self.name: self.sources.main}.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(source)
            place = str(folder / self.name)
        return f"{place}:{self.attribute}" if self.attribute else place


@dataclass(frozen=True)
class Shipment:
    """A mitigation in a form that can be sent: sources, settings and the loaded hash."""

    name: str
    parts: tuple[_Part, ...]
    settings: tuple[str, ...]
    source_sha256: str

    @contextmanager
    def loaded(self) -> Iterator[Mitigation]:
        """The mitigation, loaded from temporary files; modules are imported.

        Raises:
            MitigationError: it cannot be loaded here, or a module has a different source here.

        >>> with ship(load_mitigation("liminal", ["temperature=3"])).loaded() as there:
        ...     there.settings["temperature"]
        3.0
        """
        with tempfile.TemporaryDirectory(prefix="subliminal-bench-") as folder:
            places = [
                part.placed(Path(folder) / str(number))
                for number, part in enumerate(self.parts)
            ]
            loaded = load_mitigation("+".join(places), self.settings)
            if loaded.source_sha256 != self.source_sha256:
                raise MitigationError(
                    f"{self.name} has a different source on a worker: install the same "
                    f"version of {', '.join(self._modules)} on every node"
                )
            yield loaded

    @property
    def _modules(self) -> list[str]:
        return [part.name for part in self.parts if part.sources is None]


def ship(mitigation: Mitigation) -> Shipment:
    """Prepare a mitigation for sending, exactly as it was loaded.

    Raises:
        MitigationError: its file was changed since.
    """
    return Shipment(
        mitigation.name,
        tuple(_part(plugin) for plugin in mitigation.plugins),
        tuple(f"{name}={value}" for name, value in mitigation.settings.items()),
        mitigation.source_sha256,
    )


class Shipments:
    """Each mitigation of a run, prepared for sending once."""

    def __init__(self) -> None:
        # Kept with the mitigation, so that no other mitigation gets the same id.
        self._prepared: dict[int, tuple[Mitigation, Shipment]] = {}

    def of(self, job: Job) -> tuple[tuple[Shipment, tuple[int, ...]], ...]:
        """A job's shares in a form that can be sent."""
        return tuple((self._of(mitigation), seeds) for mitigation, seeds in job.shares)

    def _of(self, mitigation: Mitigation) -> Shipment:
        if id(mitigation) not in self._prepared:
            self._prepared[id(mitigation)] = mitigation, ship(mitigation)
        return self._prepared[id(mitigation)][1]


def _part(plugin: Plugin) -> _Part:
    if plugin.module:
        return _Part(plugin.module, plugin.attribute, None)
    assert plugin.path, "a plugin without a module was loaded from a file"
    try:
        sources = read_sources(plugin.path, read_bytes(plugin.path, MOST_BYTES))
    except ResultError as error:
        raise MitigationError(error.message) from None
    if sources.sha256 != plugin.source_sha256:
        raise MitigationError(f"{plugin.path} was changed after it was loaded: run again")
    return _Part(plugin.path.name, plugin.attribute, sources)
