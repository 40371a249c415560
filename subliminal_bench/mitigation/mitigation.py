"""Loading mitigations and reading their settings."""

import hashlib
import secrets
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass, field, replace

from subliminal_bench.errors import MitigationError, NoSuchMitigationError
from subliminal_bench.experiment.objective import AuxiliaryLoss
from subliminal_bench.experiment.torch_state import pinned_torch, read_state, restore_state
from subliminal_bench.mitigation import loading, objects
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.mitigation.calls import Calls, HookCalls
from subliminal_bench.mitigation.card import (
    ACCESS_LEVELS,
    Access,
    Described,
    Parameter,
    Settings,
    Value,
)
from subliminal_bench.mitigation.hooks import Training
from subliminal_bench.mitigation.objects import MitigationSpec
from subliminal_bench.mitigation.plugin import Plugin, described
from subliminal_bench.mitigation.separation import Separation
from subliminal_bench.printable import brief

# Of a composition, and so of the runs that files hold.
LONGEST_NAME = 200


@dataclass(frozen=True)
class Mitigation:
    """A mitigation that runs as one entry, or several applied in the given order.

    Attributes:
        plugins: in that order.
        undone: torch's settings that its files changed when they were loaded; they were set
            back.
        untold: places where its files load what no import statement tells, so that its hash
            does not cover it.
    """

    plugins: tuple[Plugin, ...]
    undone: tuple[str, ...] = field(default=(), compare=False)
    untold: tuple[str, ...] = field(default=(), compare=False)
    _loading: str = field(
        default_factory=lambda: secrets.token_hex(8), compare=False, init=False
    )

    def __post_init__(self) -> None:
        # The name is a part of file names.
        if len(self.name) > LONGEST_NAME:
            raise MitigationError(
                f"{self.name:.60}… has a name of {len(self.name)} letters, more than "
                f"{LONGEST_NAME}: give the mitigations in it shorter names"
            )

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
        """The sources of the ideas."""
        return "; ".join(filter(None, (plugin.card.reference for plugin in self.plugins)))

    @property
    def prior(self) -> str:
        """What it presumes about the data; a composition presumes what its members do."""
        return "; ".join(filter(None, (plugin.card.prior for plugin in self.plugins)))

    @property
    def twin_settings(self) -> list[str]:
        """The settings that make it its twin, `name=value` each.

        Empty without a twin, and if it is its own twin. A composition's twin is that of every
        member that has one.
        """
        twins = [
            (plugin.card.name, name, value, plugin.settings[name])
            for plugin in self.plugins
            for name, value in (plugin.card.twin or {}).items()
        ]
        if all(value == own for _, _, value, own in twins):
            return []
        return [f"{owner}.{name}={value}" for owner, name, value, _ in twins]

    @property
    def settings(self) -> dict[str, Value]:
        """All parameter values; `name.parameter` in a composition."""
        return {
            self._full(plugin, name): value
            for plugin in self.plugins
            for name, value in plugin.settings.items()
        }

    @property
    def parameters(self) -> dict[str, Parameter]:
        """What its cards declare, by the names in `settings`."""
        return {
            self._full(plugin, one.name): one
            for plugin in self.plugins
            for one in plugin.card.parameters
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

    @property
    def once(self) -> str:
        """A word of this loading alone if its hash does not cover its behaviour, else empty.

        As a part of the store's key, it keeps such results from being reused.
        """
        return self._loading if self.untold else ""

    @property
    def is_plain(self) -> bool:
        """Whether it is plain distillation: it has no hook."""
        return not any(plugin.hooks for plugin in self.plugins)

    @property
    def starts(self) -> bool:
        """Whether it can change the student before the first step."""
        return any("start" in plugin.hooks for plugin in self.plugins)

    def _full(self, plugin: Plugin, name: str) -> str:
        """A parameter's name, prefixed by its plugin's name if there are several plugins."""
        return name if len(self.plugins) == 1 else f"{plugin.card.name}.{name}"

    @property
    def source_sha256(self) -> str:
        """The file's hash; for a composition, the hash of its files' hashes in order."""
        if len(self.plugins) == 1:
            return self.plugins[0].source_sha256
        joined = "\n".join(plugin.source_sha256 for plugin in self.plugins)
        return hashlib.sha256(joined.encode()).hexdigest()

    @property
    def attribute(self) -> str:
        """The names of the objects in their files, if the user chose them."""
        return "+".join(plugin.attribute for plugin in self.plugins).strip("+")

    @property
    def identity(self) -> tuple[object, ...]:
        """Everything that decides its behaviour: sources, objects in them, settings."""
        return self.source_sha256, self.attribute, self.settings

    @property
    def isolation(self) -> Separation | None:
        """What keeps its processes apart; None if it runs in this process."""
        return None

    def begin(
        self, training: Training, seeds: Sequence[int], objective: AuxiliaryLoss
    ) -> AbstractContextManager[Calls]:
        """Its hook calls for one cohort, to be used in a `with` statement.

        Args:
            training: of the cohort, as hooks see it.
            seeds: the cohort's seeds, which determine the generators.
            objective: that the cohort's students minimise.
        """
        return nullcontext(HookCalls(self.plugins, training, seeds))

    def same_as(self, other: "Mitigation") -> bool:
        """Whether the other mitigation has the same identity."""
        return self.identity == other.identity


def load_mitigation(
    spec: MitigationSpec | Sequence[MitigationSpec], settings: Sequence[str] = ()
) -> Mitigation:
    """Load a mitigation as a user specifies it.

    Args:
        spec: a built-in name, an installed entry point's name, the path of a `.py` file,
            `file.py:attribute` or `module:attribute`; several joined by `+` are applied in
            that order. Or the mitigation's class, `mitigation` function or module; or a list
            of any of these.
        settings: `name=value` each, or `mitigation.name=value` in a composition.

    Raises:
        MitigationError: it does not exist, is not usable, has too long a name, or lacks a
            parameter that is set.

    >>> load_mitigation("liminal", ["temperature=3"]).settings["temperature"]
    3.0
    """
    # What a mitigation prints must not get into the program's own output.
    with pinned_torch(), redirect_stdout(sys.stderr):
        before = read_state()
        try:
            loaded = _loaded(spec, settings)
        finally:
            undone = restore_state(before)
    return replace(loaded, undone=tuple(undone))


def _loaded(
    spec: MitigationSpec | Sequence[MitigationSpec], settings: Sequence[str]
) -> Mitigation:
    parts, found = zip(*objects.find(spec), strict=True)
    named = [described(part, one.plugin) for part, one in zip(parts, found, strict=True)]
    names = [card.name for card, _ in named]
    if len(set(names)) < len(names):
        raise MitigationError(
            f"{'+'.join(parts)} contains two mitigations of the same name: {', '.join(names)}"
        )
    values = read_settings([card for card, _ in named], settings)
    return Mitigation(
        tuple(
            Plugin(
                card,
                Settings(own),
                one.sources.sha256,
                manager,
                one.path,
                one.attribute,
                one.module,
            )
            for (card, manager), one, own in zip(named, found, values, strict=True)
        ),
        untold=tuple(filter(None, (one.sources.untold for one in found))),
    )


def refuse_built_in_names(mitigation: Mitigation) -> None:
    """Refuse another source under a built-in mitigation's name, which readers would mix up.

    Raises:
        MitigationError: with the name.
    """
    for plugin in mitigation.plugins:
        name = plugin.card.name
        if name in built_in_names() and plugin.source_sha256 != loading.sources(name).sha256:
            raise MitigationError(
                f"the name {name!r} belongs to a built-in mitigation: choose another name on "
                "the card"
            )


def read_settings(
    cards: Sequence[Described], settings: Sequence[str]
) -> list[dict[str, Value]]:
    """Each card's parameter values: its defaults, overridden by the settings.

    Raises:
        MitigationError: no card declares a setting, or its value is out of range.
    """
    values = [{one.name: one.default for one in card.parameters} for card in cards]
    for setting in settings:
        full, equals, text = setting.partition("=")
        if not equals:
            raise MitigationError(f"cannot read setting {brief(setting)}: write name=value")
        owner, _, name = full.strip().rpartition(".")
        matches = [
            i for i, card in enumerate(cards) if name in values[i] and owner in ("", card.name)
        ]
        if not matches:
            known = ", ".join(one.name for card in cards for one in card.parameters)
            raise NoSuchMitigationError(
                f"{'+'.join(card.name for card in cards)} has no parameter "
                f"{brief(full.strip())}; it has: {known or 'none'}"
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
