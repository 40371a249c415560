"""Mitigations for the tests, as objects and as files, and the check of an error's one line."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pluggy

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.mitigation.card import Access, Card, Parameter, Settings
from subliminal_bench.mitigation.hooks import PROJECT, HookSpecifications, hookimpl
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.mitigation.plugin import Plugin

HEAD = "from subliminal_bench import Card, Parameter, Step, hookimpl\n\n"


def plugin(
    name: str = "probe",
    access: Access = "blind",
    parameters: tuple[Parameter, ...] = (),
    /,
    **hooks: Callable[..., Any],
) -> Plugin:
    """A loaded mitigation made of plain functions."""
    card = Card(name, name.capitalize(), access, parameters)
    marked = {hook: hookimpl(function) for hook, function in hooks.items()}
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecifications)
    manager.register(SimpleNamespace(mitigation=hookimpl(lambda: card), **marked))
    settings = Settings({one.name: one.default for one in parameters})
    return Plugin(card, settings, hashlib.sha256(name.encode()).hexdigest(), manager)


def mitigation(**hooks: Callable[..., Any]) -> Mitigation:
    """One blind mitigation named `probe`."""
    return Mitigation((plugin(**hooks),))


def scaling_source(name: str = "halve", factor: str = "0.5") -> str:
    """A mitigation's file: it multiplies the gradient by a parameter."""
    return (
        f"{HEAD}\n@hookimpl\ndef mitigation() -> Card:\n"
        f"    return Card({name!r}, 'Scale', parameters=(Parameter('factor', {factor}),))\n\n\n"
        "@hookimpl\ndef distill_gradient(gradient, step):\n"
        "    return step.settings.factor * gradient\n"
    )


def write(path: Path, source: str) -> Path:
    """Write a file, with the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return path


def one_line(error: BenchmarkError) -> str:
    """The error's text, which is one line that says something."""
    text = str(error)
    assert text.strip()
    assert len(text.splitlines()) == 1, text
    return text
