"""Mitigations, loaded and set up."""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from subliminal_bench.errors import MitigationError, NoSuchMitigationError
from subliminal_bench.mitigation import objects
from subliminal_bench.mitigation.calls import Calls, HookCalls
from subliminal_bench.mitigation.card import (
    ACCESS_LEVELS,
    Access,
    Card,
    Network,
    Settings,
    Value,
)
from subliminal_bench.mitigation.hooks import Training
from subliminal_bench.mitigation.objects import MitigationSpec
from subliminal_bench.mitigation.plugin import Plugin, described


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
    def isolation(self) -> Network | None:
        """What isolation leaves it of the network; None where it runs in this process."""
        return None

    def begin(
        self, training: Training, seeds: Sequence[int], classes: int
    ) -> AbstractContextManager[Calls]:
        """Its calls for one cohort, to be used in a `with` statement.

        Args:
            training: of the cohort, as hooks see it.
            seeds: the cohort's; they decide the generators.
            classes: class logits; the others are auxiliary.
        """
        return nullcontext(HookCalls(self.plugins, training, seeds))

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
    named = [described(part, one.plugin) for part, one in zip(parts, found, strict=True)]
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
