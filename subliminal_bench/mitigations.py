"""Finding, loading and setting up mitigations."""

import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from subliminal_bench import shipped
from subliminal_bench.access import ACCESS_LEVELS, Access
from subliminal_bench.errors import BenchmarkError, MitigationError
from subliminal_bench.hooks import (
    HOOKS,
    PROJECT,
    Card,
    HookSpecifications,
    Settings,
    Value,
)

ENTRY_POINT_GROUP = "subliminal_bench"


@dataclass(frozen=True)
class Plugin:
    """One loaded mitigation: its card, its hooks and the values of its parameters.

    Attributes:
        card: what it says of itself.
        settings: the values of its parameters.
        source_sha256: of the file that it was loaded from.
        manager: calls its hooks; each plugin has one of its own, so that several can be
            called one after another.
        path: the file, where there is one.
    """

    card: Card
    settings: Settings
    source_sha256: str
    manager: pluggy.PluginManager
    path: Path | None = None

    @property
    def hooks(self) -> tuple[str, ...]:
        """The hooks that it implements, besides its card."""
        return tuple(name for name in HOOKS if getattr(self.manager.hook, name).get_hookimpls())


@dataclass(frozen=True)
class Mitigation:
    """What runs as one entry: a mitigation, or several applied in the order given."""

    plugins: tuple[Plugin, ...]

    @property
    def name(self) -> str:
        """The card's name; a composition's names joined by `+`."""
        return "+".join(plugin.card.name for plugin in self.plugins)

    @property
    def title(self) -> str:
        """The card's title; a composition's titles in order."""
        return ", then ".join(plugin.card.title for plugin in self.plugins)

    @property
    def access(self) -> Access:
        """The highest access level among its plugins."""
        return max((plugin.card.access for plugin in self.plugins), key=ACCESS_LEVELS.index)

    @property
    def reference(self) -> str:
        """Where the ideas are from."""
        return "; ".join(filter(None, (plugin.card.reference for plugin in self.plugins)))

    @property
    def settings(self) -> dict[str, Value]:
        """All parameter values; `name.parameter` in a composition."""
        if len(self.plugins) == 1:
            return dict(self.plugins[0].settings)
        return {
            f"{plugin.card.name}.{name}": value
            for plugin in self.plugins
            for name, value in plugin.settings.items()
        }

    @property
    def source_sha256(self) -> str:
        """The file's hash; of a composition, the hash of its files' hashes in order."""
        if len(self.plugins) == 1:
            return self.plugins[0].source_sha256
        joined = "\n".join(plugin.source_sha256 for plugin in self.plugins)
        return hashlib.sha256(joined.encode()).hexdigest()

    def same_as(self, other: "Mitigation") -> bool:
        """Whether the other one does the same: same source, same settings."""
        return (self.source_sha256, self.settings) == (other.source_sha256, other.settings)


def load(spec: str, settings: Sequence[str] = ()) -> Mitigation:
    """Load a mitigation by what a user would call it.

    Args:
        spec: a built-in name, an installed entry point's name, the path of a `.py` file,
            `file.py:attribute` or `module:attribute`; several joined by `+` are applied in
            that order.
        settings: `name=value` each, or `mitigation.name=value` in a composition.

    Raises:
        MitigationError: nothing there, nothing usable there, or a setting it does not have.

    >>> load("liminal", ["temperature=3"]).settings["temperature"]
    3.0
    """
    parts = [spec] if Path(spec).is_file() else spec.split("+")
    found = [_find(part) for part in parts]
    named = [_described(part, plugin) for part, (plugin, _) in zip(parts, found, strict=True)]
    values = _values([card for card, _ in named], settings)
    return Mitigation(
        tuple(
            Plugin(card, Settings(own), _digest(path), manager, path)
            for (card, manager), (_, path), own in zip(named, found, values, strict=True)
        )
    )


def built_in_names() -> list[str]:
    """Names of the mitigations that ship with the package."""
    return sorted(path.stem for path in shipped.folder("plugins").glob("[!_]*.py"))


def installed_names() -> list[str]:
    """Names of the mitigations that other installed packages bring."""
    return sorted(point.name for point in entry_points(group=ENTRY_POINT_GROUP))


def _find(spec: str) -> tuple[object, Path | None]:
    """The plugin object and the file it is from."""
    head, _, attribute = spec.rpartition(":") if ":" in spec else (spec, "", "")
    if head.endswith(".py") or "/" in head or "\\" in head:
        path = Path(head)
        module = _load_file(path)
        return _pick(module, attribute, str(path)), path
    if attribute:
        return _from_module(head, attribute)
    if spec in built_in_names():
        path = shipped.folder("plugins") / f"{spec}.py"
        return _pick(_load_file(path), "", spec), path
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name == spec:
            return _from_module(point.module, point.attr)
    hint = f"; for a file, write {spec}.py" if Path(f"{spec}.py").is_file() else ""
    known = ", ".join([*built_in_names(), *installed_names()])
    raise MitigationError(
        f"unknown mitigation {spec!r}: known are {known}; or give a .py file{hint}"
    )


def _from_module(name: str, attribute: str) -> tuple[object, Path | None]:
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise MitigationError(f"cannot import module {name}: {_reason(error)}") from error
    return _pick(module, attribute, name), Path(module.__file__) if module.__file__ else None


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise MitigationError(f"no such file: {path}")
    name = f"subliminal_bench_mitigation_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise MitigationError(f"{path} is not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    # Registered as a normal import would do: dataclasses and pickle look modules up there.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BenchmarkError:
        raise
    except Exception as error:
        raise MitigationError(f"cannot load {path}: {_reason(error)}") from error
    return module


def _reason(error: BaseException) -> str:
    """One line: the kind of error, its first line and the place."""
    text = str(error).strip().splitlines()
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text[0] if text else ''}{place}"


def _pick(module: ModuleType, attribute: str, where: str) -> object:
    """The plugin in a module: the named attribute, the module itself, or its one class."""
    if attribute:
        chosen = getattr(module, attribute, None)
        if chosen is None:
            raise MitigationError(f"{where} has no {attribute!r}")
        return _instance(chosen, f"{where}:{attribute}")
    if _marked(module):
        return module
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__ and _marked(value)
    ]
    if len(classes) == 1:
        return _instance(classes[0], where)
    if classes:
        names = ", ".join(f"{where}:{value.__name__}" for value in classes)
        raise MitigationError(f"{where} has several mitigations; name one: {names}")
    raise MitigationError(
        f"{where} holds no mitigation: have you forgotten to mark its functions with @hookimpl?"
    )


def _instance(chosen: object, where: str) -> object:
    if not inspect.isclass(chosen):
        return chosen
    try:
        return chosen()
    except Exception as error:
        raise MitigationError(f"cannot create {where}: {_reason(error)}") from error


def _marked(holder: object) -> bool:
    return any(hasattr(value, f"{PROJECT}_impl") for value in vars(holder).values())


def _described(spec: str, plugin: object) -> tuple[Card, pluggy.PluginManager]:
    """Register the plugin alone and ask it for its card."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecifications)
    try:
        manager.register(plugin)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        # pluggy's text starts with the plugin's address; the last line says what is wrong.
        detail = str(error).strip().splitlines()[-1]
        raise MitigationError(
            f"{spec}: {detail} (hooks: mitigation, {', '.join(HOOKS)})"
        ) from error
    if not manager.hook.mitigation.get_hookimpls():
        raise MitigationError(
            f"{spec}: no hook 'mitigation' that returns its card; have you forgotten it, "
            "or its @hookimpl?"
        )
    try:
        card: Any = manager.hook.mitigation()
    except Exception as error:
        raise MitigationError(f"{spec}: hook mitigation failed: {_reason(error)}") from error
    if not isinstance(card, Card):
        raise MitigationError(
            f"{spec}: hook mitigation must return a Card, not {type(card).__name__}"
        )
    if card.access not in ACCESS_LEVELS:
        raise MitigationError(
            f"{spec}: access level {card.access!r} is unknown; "
            f"choose one of {', '.join(ACCESS_LEVELS)}"
        )
    return card, manager


def _values(cards: Sequence[Card], settings: Sequence[str]) -> list[dict[str, Value]]:
    """Each card's parameter values: its defaults, with the settings read in."""
    values = [{one.name: one.default for one in card.parameters} for card in cards]
    for setting in settings:
        full, equals, text = setting.partition("=")
        if not equals:
            raise MitigationError(f"cannot read setting {setting!r}: write name=value")
        owner, _, name = full.strip().rpartition(".")
        matches = [
            i for i, card in enumerate(cards) if name in values[i] and owner in ("", card.name)
        ]
        if not matches:
            known = ", ".join(one.name for card in cards for one in card.parameters)
            raise MitigationError(
                f"{'+'.join(card.name for card in cards)} has no parameter {full.strip()!r}; "
                f"it has: {known or 'none'}"
            )
        if len(matches) > 1:
            raise MitigationError(
                f"parameter {name!r} is in several mitigations: "
                f"write {cards[matches[0]].name}.{name}=..."
            )
        (i,) = matches
        parameter = next(one for one in cards[i].parameters if one.name == name)
        values[i][name] = parameter.read(text.strip())
    return values


def _digest(path: Path | None) -> str:
    return hashlib.sha256(path.read_bytes() if path else b"").hexdigest()
