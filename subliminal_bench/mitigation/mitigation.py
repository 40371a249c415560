"""Mitigations, loaded and set up."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy

from subliminal_bench.errors import MitigationError, NoSuchMitigationError
from subliminal_bench.mitigation import loading, objects
from subliminal_bench.mitigation.card import (
    ACCESS_LEVELS,
    Access,
    Card,
    Network,
    Settings,
    Value,
)
from subliminal_bench.mitigation.hooks import HOOKS, PROJECT, HookSpecifications
from subliminal_bench.mitigation.objects import MitigationSpec


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
        attribute: its name in the file, where the user chose one.
        module: the module's name, where it was imported.
    """

    card: Card
    settings: Settings
    source_sha256: str
    manager: pluggy.PluginManager
    path: Path | None = None
    attribute: str = ""
    module: str = ""

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
        return {
            self._full(plugin, name): value
            for plugin in self.plugins
            for name, value in plugin.settings.items()
        }

    @property
    def changed(self) -> list[str]:
        """Names in `settings` whose value is not the declared default."""
        return [
            self._full(plugin, one.name)
            for plugin in self.plugins
            for one in plugin.card.parameters
            if plugin.settings[one.name] != one.default
        ]

    def _full(self, plugin: Plugin, name: str) -> str:
        """A parameter's name, with its owner's where there are several."""
        return name if len(self.plugins) == 1 else f"{plugin.card.name}.{name}"

    @property
    def source_sha256(self) -> str:
        """The file's hash; of a composition, the hash of its files' hashes in order."""
        if len(self.plugins) == 1:
            return self.plugins[0].source_sha256
        joined = "\n".join(plugin.source_sha256 for plugin in self.plugins)
        return hashlib.sha256(joined.encode()).hexdigest()

    @property
    def attribute(self) -> str:
        """Which objects of their files these are, where the user chose."""
        return "+".join(plugin.attribute for plugin in self.plugins).strip("+")

    @property
    def identity(self) -> tuple[object, ...]:
        """What decides what it does: sources, objects in them, settings."""
        return self.source_sha256, self.attribute, self.settings

    @property
    def network(self) -> Network | None:
        """What a process of its own leaves it of the network; None where it has none."""
        return None

    def same_as(self, other: "Mitigation") -> bool:
        """Whether the other one does the same."""
        return self.identity == other.identity


def load_mitigation(
    spec: MitigationSpec | Sequence[MitigationSpec], settings: Sequence[str] = ()
) -> Mitigation:
    """Load a mitigation by what a user would call it.

    Args:
        spec: a built-in name, an installed entry point's name, the path of a `.py` file,
            `file.py:attribute` or `module:attribute`; several joined by `+` are applied in
            that order. Or the mitigation's class, `mitigation` function or module; or a list
            of any of these.
        settings: `name=value` each, or `mitigation.name=value` in a composition.

    Raises:
        MitigationError: nothing there, nothing usable there, or a setting it does not have.

    >>> load_mitigation("liminal", ["temperature=3"]).settings["temperature"]
    3.0
    """
    parts, found = zip(*objects.find(spec), strict=True)
    named = [_described(part, one.plugin) for part, one in zip(parts, found, strict=True)]
    names = [card.name for card, _ in named]
    if len(set(names)) < len(names):
        raise MitigationError(
            f"{'+'.join(parts)} holds two mitigations of one name: {', '.join(names)}"
        )
    values = read_settings([card for card, _ in named], settings)
    return Mitigation(
        tuple(
            Plugin(
                card,
                Settings(own),
                hashlib.sha256(one.source).hexdigest(),
                manager,
                one.path,
                one.attribute,
                one.module,
            )
            for (card, manager), one, own in zip(named, found, values, strict=True)
        )
    )


def _described(spec: str, plugin: object) -> tuple[Card, pluggy.PluginManager]:
    """Register the plugin alone and ask it for its card."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecifications)
    for hook in ("mitigation", *HOOKS):
        function = getattr(plugin, hook, None)
        if callable(function) and not hasattr(function, f"{PROJECT}_impl"):
            raise MitigationError(
                f"{spec}: {hook} is not marked and would never run; have you forgotten its "
                "@hookimpl?"
            )
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
    except MitigationError as error:
        raise MitigationError(f"{spec}: {error}") from error
    except (Exception, SystemExit) as error:
        raise MitigationError(
            f"{spec}: hook mitigation failed: {loading.reason(error)}"
        ) from error
    if card is Card:
        raise MitigationError(
            f"{spec}: hook mitigation returned the class Card; have you forgotten the `()`?"
        )
    if not isinstance(card, Card):
        raise MitigationError(
            f"{spec}: hook mitigation must return a Card, not {type(card).__name__}"
        )
    return card, manager


def read_settings(cards: Sequence[Card], settings: Sequence[str]) -> list[dict[str, Value]]:
    """Each card's parameter values: its defaults, with the settings read in.

    Raises:
        MitigationError: a setting that no card declares, or that is out of range.
    """
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
            raise NoSuchMitigationError(
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
