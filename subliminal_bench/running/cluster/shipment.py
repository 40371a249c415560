"""Mitigations shipped to machines that do not have their files."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.mitigation.plugin import Plugin


@dataclass(frozen=True)
class _Part:
    """One plugin: its file's name and source, or the module that it is imported from."""

    name: str
    attribute: str
    source: bytes | None

    def placed(self, folder: Path) -> str:
        """What to load, once the source lies in a folder of its own."""
        place = self.name
        if self.source is not None:
            folder.mkdir()
            (folder / self.name).write_bytes(self.source)
            place = str(folder / self.name)
        return f"{place}:{self.attribute}" if self.attribute else place


@dataclass(frozen=True)
class Shipment:
    """A mitigation as it can be sent: sources, settings and the hash of what was loaded."""

    name: str
    parts: tuple[_Part, ...]
    settings: tuple[str, ...]
    source_sha256: str

    @contextmanager
    def loaded(self) -> Iterator[Mitigation]:
        """The mitigation, loaded from temporary files; modules are imported.

        Raises:
            MitigationError: it cannot be loaded here, or a module here has another source.

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
                    f"{self.name} has another source on a worker than here: install the same "
                    f"version of {', '.join(self._modules)} on every node"
                )
            yield loaded

    @property
    def _modules(self) -> list[str]:
        return [part.name for part in self.parts if part.source is None]


def ship(mitigation: Mitigation) -> Shipment:
    """A mitigation as it was loaded.

    Raises:
        MitigationError: its file was changed since.
    """
    return Shipment(
        mitigation.name,
        tuple(_part(plugin) for plugin in mitigation.plugins),
        tuple(f"{name}={value}" for name, value in mitigation.settings.items()),
        mitigation.source_sha256,
    )


def _part(plugin: Plugin) -> _Part:
    if plugin.module:
        return _Part(plugin.module, plugin.attribute, None)
    assert plugin.path, "what is no module was loaded from a file"
    try:
        source = plugin.path.read_bytes()
    except OSError as error:
        raise MitigationError(f"cannot read {plugin.path}: {error.strerror}") from None
    if hashlib.sha256(source).hexdigest() != plugin.source_sha256:
        raise MitigationError(f"{plugin.path} was changed after it was loaded: run again")
    return _Part(plugin.path.name, plugin.attribute, source)
