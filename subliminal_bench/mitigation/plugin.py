"""One plugin: an object with marked hooks, its card and its parameter values."""

import difflib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.card import Card, Settings
from subliminal_bench.mitigation.hooks import HOOKS, PROJECT, HookSpecifications

AnyCard = TypeVar("AnyCard")


@dataclass(frozen=True)
class Plugin:
    """One loaded mitigation: its card, its hooks and its parameter values.

    Attributes:
        card: its description of itself.
        settings: its parameter values.
        source_sha256: of the file that it was loaded from.
        manager: calls its hooks; each plugin has its own manager, so that several plugins can
            be called one after another.
        path: the file, if there is one.
        attribute: its name in the file, if the user chose one.
        module: the module's name, if it was imported.
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
        """The hooks that it implements, besides `mitigation`."""
        return tuple(name for name in HOOKS if getattr(self.manager.hook, name).get_hookimpls())


def described(spec: str, plugin: object) -> tuple[Card, pluggy.PluginManager]:
    """Register the plugin alone and get its card."""
    manager = registered(spec, plugin, HookSpecifications, ("mitigation", *HOOKS))
    return card_of(spec, manager, "mitigation", Card), manager


def registered(
    spec: str, plugin: object, specifications: type, names: Sequence[str]
) -> pluggy.PluginManager:
    """A manager that has only this plugin.

    Args:
        spec: the user's name for it.
        plugin: the object with its hooks.
        specifications: of the hooks.
        names: of the hooks, the one that returns the card first.

    Raises:
        MitigationError: a hook is not marked, does not exist, or has a wrong argument; or none
            returns the card.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(specifications)
    for hook in names:
        function = getattr(plugin, hook, None)
        if callable(function) and not hasattr(function, f"{PROJECT}_impl"):
            raise MitigationError(
                f"{spec}: {hook} is not marked and would never run; did you forget its "
                "@hookimpl?"
            )
    try:
        manager.register(plugin)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        # In the words of this project where the cause is known, because pluggy's are its own.
        detail = _wrong_hook(plugin, specifications, names)
        detail = detail or str(error).strip().splitlines()[-1]
        raise MitigationError(f"{spec}: {detail}") from error
    if not getattr(manager.hook, names[0]).get_hookimpls():
        raise MitigationError(
            f"{spec}: no hook {names[0]!r} that returns its card; did you forget it, "
            "or its @hookimpl?"
        )
    return manager


def card_of(
    spec: str, manager: pluggy.PluginManager, hook: str, kind: type[AnyCard]
) -> AnyCard:
    """The card that a registered plugin's hook returns.

    Raises:
        MitigationError: the hook fails, or returns something else.
    """
    try:
        card: Any = getattr(manager.hook, hook)()
    except MitigationError as error:
        raise MitigationError(f"{spec}: {error}") from error
    except (Exception, SystemExit) as error:
        raise MitigationError(f"{spec}: hook {hook} failed: {loading.reason(error)}") from error
    if card is kind:
        raise MitigationError(
            f"{spec}: hook {hook} returned the class {kind.__name__}; did you forget the `()`?"
        )
    if not isinstance(card, kind):
        raise MitigationError(
            f"{spec}: hook {hook} must return a {kind.__name__}, not {type(card).__name__}"
        )
    return card


def _wrong_hook(plugin: object, specifications: type, names: Sequence[str]) -> str | None:
    """What is wrong with a plugin's hooks: a name or an argument that does not exist."""
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        if not hasattr(function, f"{PROJECT}_impl"):
            continue
        if name not in names:
            return f"no hook is called {name!r}{_meant(name, names)}"
        known = [*inspect.signature(getattr(specifications, name)).parameters][1:]
        for argument in inspect.signature(function).parameters if callable(function) else ():
            if argument not in known:
                return f"hook {name} has no argument {argument!r}{_meant(argument, known)}"
    return None


def _meant(word: str, known: Sequence[str]) -> str:
    """The likely meaning of a mistyped word, and all words there are."""
    if word == "teacher_logits" and "targets" in known:
        # Until version 0.1; the class logits went with the name.
        return "; it is `targets` now, the three auxiliary logits alone"
    close = difflib.get_close_matches(word, known, 1, 0.5)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"{meant} (there {'is' if len(known) == 1 else 'are'}: {', '.join(known) or 'none'})"
