"""A loaded reader, in this process."""

import ast
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass
from typing import Protocol

import pluggy
import torch
from torch import Tensor

from subliminal_bench.errors import (
    Advice,
    BenchmarkError,
    ChangedInputError,
    HookError,
    MitigationError,
)
from subliminal_bench.experiment.torch_state import pinned_torch, read_state, restore_state
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.builtin import MITIGATION, READER, built_in_names
from subliminal_bench.mitigation.card import Settings
from subliminal_bench.mitigation.mitigation import read_settings
from subliminal_bench.mitigation.plugin import card_of, registered
from subliminal_bench.mitigation.separation import Separation
from subliminal_bench.reading.plugins.reader_card import ReaderCard
from subliminal_bench.reading.plugins.reader_hooks import READER_HOOKS, ReaderSpecifications
from subliminal_bench.reading.plugins.shown import Shown
from subliminal_bench.reading.plugins.shown_model import Model


class ReaderCalls(Protocol):
    """A reader's calls on one seed, as the harness sees them."""

    def predictions(self, parameters: Tensor, rendering: str) -> Tensor:
        """The class of each test image, int64 `[images]`.

        Args:
            parameters: of the model to read, `[parameters]`.
            rendering: of the test images.

        Raises:
            HookError: the reader failed, or returned something unusable.
        """


@dataclass(frozen=True)
class Reader:
    """One reader: its card, its parameter values and its hooks.

    Attributes:
        card: its description of itself.
        settings: its parameter values.
        source_sha256: of its source.
        manager: calls its hooks; None if another process does.
        untold: a place where its files load what no import statement tells; empty if there is
            none.
    """

    card: ReaderCard
    settings: Settings
    source_sha256: str
    manager: pluggy.PluginManager | None
    untold: str = ""

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name

    @property
    def isolation(self) -> Separation | None:
        """The network that isolation leaves to it; None if it runs in this process."""
        return None

    def begin(self, shown: Shown) -> AbstractContextManager[ReaderCalls]:
        """Its calls on one seed, to be used in a `with` statement."""
        return nullcontext(CallsHere(self, shown))


class CallsHere:
    """A reader's calls in this process.

    Args:
        reader: loaded here.
        shown: of the seed.
    """

    def __init__(self, reader: Reader, shown: Shown) -> None:
        self._reader, self._shown = reader, shown

    def predictions(self, parameters: Tensor, rendering: str) -> Tensor:
        """The class of each test image; see `ReaderCalls`."""
        shown, card = self._shown, self._reader.card
        assert self._reader.manager, "a reader that is loaded here"
        student = parameters.detach().double().clone()
        versions = {name: one._version for name, one in shown.tensors.items()}
        models = [
            Model(one, shown.layout, shown.classes)
            for one in (student, shown.base, shown.teacher)
        ]
        try:
            with redirect_stdout(sys.stderr):
                found = self._reader.manager.hook.reader(
                    student=models[0],
                    base=models[1],
                    teacher=models[2],
                    noise=shown.noise,
                    audit_images=shown.audit_images[rendering],
                    audit_labels=shown.audit_labels if card.labels else None,
                    images=shown.images[rendering],
                    generator=shown.generator(),
                    settings=self._reader.settings,
                )
        except BenchmarkError:
            raise
        except (Exception, SystemExit) as error:
            raise failed(card.name, shown.seed, f"failed: {loading.reason(error)}") from error
        for name, one in shown.tensors.items():
            if one._version != versions[name]:
                raise failed(
                    card.name,
                    shown.seed,
                    f"changed {name} in place: work on a clone",
                    ChangedInputError,
                )
        return usable(card.name, found, shown, rendering)


def usable(name: str, found: object, shown: Shown, rendering: str) -> Tensor:
    """What a reader returned, if it is a class for each image.

    Raises:
        HookError: it is not.
    """
    wanted = (len(shown.images[rendering]),)
    if not isinstance(found, Tensor):
        raise failed(name, shown.seed, f"returned {type(found).__name__}, not a tensor")
    if found.dtype != torch.int64 or found.shape != wanted:
        raise failed(
            name,
            shown.seed,
            f"returned {found.dtype} {list(found.shape)}, not torch.int64 {list(wanted)}: one "
            "class per image",
        )
    if found.numel() and not 0 <= int(found.min()) <= int(found.max()) < shown.classes:
        raise failed(name, shown.seed, f"returned a class outside 0 to {shown.classes - 1}")
    return found.detach().clone()


def failed(
    name: str, seed: int, what: str, kind: type[HookError] = HookError, advice: Advice = ()
) -> HookError:
    """A reader's mistake, in one line."""
    return kind(f"{name}: hook reader, seed {seed}: {what}", *advice)


def load_reader(spec: str, settings: Sequence[str] = ()) -> Reader:
    """Load a reader as a user names it.

    Args:
        spec: a built-in name, an installed entry point's name, the path of a `.py` file,
            `file.py:attribute` or `module:attribute`.
        settings: `name=value` each.

    Raises:
        MitigationError: it does not exist, is not usable, or lacks a parameter that is set.

    >>> load_reader("noise_head").card.renderings
    ('mean-free',)
    """
    # What a reader prints must not get into the program's own output.
    with pinned_torch(), redirect_stdout(sys.stderr):
        before = read_state()
        try:
            found = loading.find(spec, READER)
            manager = registered(spec, found.plugin, ReaderSpecifications, READER_HOOKS)
            card = card_of(spec, manager, "reader_card", ReaderCard)
        finally:
            restore_state(before)
    if not manager.hook.reader.get_hookimpls():
        raise MitigationError(f"{spec}: no hook 'reader': it reads nothing")
    (values,) = read_settings([card], settings)
    return Reader(card, Settings(values), found.sources.sha256, manager, found.sources.untold)


def is_reader(spec: str) -> bool:
    """Whether a user's name means a reader rather than a mitigation; none of its code runs.

    >>> is_reader("noise_head"), is_reader("liminal"), is_reader("no_such_thing")
    (True, False, False)
    """
    for kind in (MITIGATION, READER):
        try:
            source = loading.sources(spec, kind).main
            break
        except MitigationError:
            continue
    else:
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return READER_HOOKS[0] in functions and "mitigation" not in functions


def refuse_built_in_reader_names(reader: Reader) -> None:
    """Refuse another source under a built-in reader's name.

    Raises:
        MitigationError: with the name.
    """
    name = reader.name
    if name not in built_in_names(READER):
        return
    if reader.source_sha256 != loading.sources(name, READER).sha256:
        raise MitigationError(
            f"the name {name!r} belongs to a built-in reader: choose another name on the card"
        )
