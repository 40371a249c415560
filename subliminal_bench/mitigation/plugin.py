"""One plugin: an object with marked hooks, its card and its parameter values."""

import difflib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.card import Card, Settings
from subliminal_bench.mitigation.hooks import HOOKS, PROJECT, HookSpecifications


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
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecifications)
    for hook in ("mitigation", *HOOKS):
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
        detail = _wrong_hook(plugin) or str(error).strip().splitlines()[-1]
        raise MitigationError(f"{spec}: {detail}") from error
    if not manager.hook.mitigation.get_hookimpls():
        raise MitigationError(
            f"{spec}: no hook 'mitigation' that returns its card; did you forget it, "
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
            f"{spec}: hook mitigation returned the class Card; did you forget the `()`?"
        )
    if not isinstance(card, Card):
        raise MitigationError(
            f"{spec}: hook mitigation must return a Card, not {type(card).__name__}"
        )
    return card, manager


def _wrong_hook(plugin: object) -> str | None:
    """What is wrong with a plugin's hooks: a name or an argument that does not exist."""
    names = ("mitigation", *HOOKS)
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        if not hasattr(function, f"{PROJECT}_impl"):
            continue
        if name not in names:
            return f"no hook is called {name!r}{_meant(name, names)}"
        known = [*inspect.signature(getattr(HookSpecifications, name)).parameters][1:]
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
