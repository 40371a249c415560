"""An isolated reader, as the harness sees it: the same process as a mitigation's."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from subliminal_bench.errors import MitigationError, ProcessError
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.builtin import READER
from subliminal_bench.mitigation.card import Settings
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.mitigation.isolation.launcher import Launcher
from subliminal_bench.mitigation.isolation.messages import LoadedReader
from subliminal_bench.mitigation.isolation.process import LostError, ToldError
from subliminal_bench.mitigation.mitigation import read_settings
from subliminal_bench.mitigation.separation import Separation
from subliminal_bench.reading.plugins.reader import Reader, failed, usable
from subliminal_bench.reading.plugins.reader_card import ReaderCard
from subliminal_bench.reading.plugins.shown import Shown

_SERVICE = "subliminal_bench.reading.plugins.reader_service"


@dataclass(frozen=True)
class IsolatedReader(Reader):
    """A reader whose code never runs in this process.

    Attributes:
        launcher: starts its processes.
    """

    launcher: Launcher[LoadedReader] = field(kw_only=True, compare=False)

    @property
    def isolation(self) -> Separation:
        """What keeps its processes apart."""
        return self.launcher.separation

    def begin(self, shown: Shown) -> "IsolatedReading":
        """Its calls in a fresh process for one seed, for a `with` statement."""
        return IsolatedReading(self, shown)


def load_isolated_reader(
    spec: str, settings: Sequence[str] = (), limits: Limits | None = None
) -> IsolatedReader:
    """Load a reader in a process of its own; see `load_reader`.

    Args:
        spec: the reader, as a user names it.
        settings: `name=value` each.
        limits: of its processes.

    Raises:
        MitigationError: it does not exist, is not usable, or lacks a parameter that is set.
    """
    if not hasattr(os, "killpg"):
        raise MitigationError("an isolated reader needs Linux or macOS")
    launcher = Launcher(spec, settings, limits or Limits(), LoadedReader, READER, _SERVICE)
    told = launcher.loaded
    card = ReaderCard(
        told.name,
        told.title,
        told.method,
        tuple(told.renderings),
        told.labels,
        told.reference,
        tuple(one.parameter() for one in told.parameters),
    )
    (values,) = read_settings([card], settings)
    untold = loading.sources(spec, READER).untold
    return IsolatedReader(
        card, Settings(values), told.source_sha256, None, untold, launcher=launcher
    )


class IsolatedReading:
    """A reader's calls on one seed, answered by another process.

    Args:
        reader: starts the process.
        shown: of the seed.
    """

    def __init__(self, reader: IsolatedReader, shown: Shown) -> None:
        self._reader, self._shown = reader, shown

    def __enter__(self) -> "IsolatedReading":
        """Start the process, and give it what it may see."""
        self._process = self._reader.launcher.started()
        shown, labels = self._shown, self._reader.card.labels
        tensors = shown.tensors
        if not labels:
            # What the card does not declare is never put into memory that the process shares.
            tensors["audit_labels"] = torch.zeros(0, dtype=torch.int64)
        self._asked(
            "begin",
            seed=shown.seed,
            layout=[shown.layout.names, shown.layout.shapes],
            classes=shown.classes,
            tensors={
                name: self._process.blocks.put(name, one) for name, one in tensors.items()
            },
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self._process.close()

    def predictions(self, parameters: Tensor, rendering: str) -> Tensor:
        """The class of each test image; see `ReaderCalls`."""
        like = torch.zeros(len(self._shown.images[rendering]), dtype=torch.int64)
        blocks = self._process.blocks
        blocks.room("predictions", like)
        student = blocks.put("student", parameters.detach().double())
        self._asked("read", student=student, rendering=rendering)
        # Checked here again, because the process cannot be trusted to do so.
        found = blocks.take("predictions", like)
        return usable(self._reader.name, found, self._shown, rendering)

    def _asked(self, ask: str, **question: Any) -> None:
        name, seed = self._reader.name, self._shown.seed
        try:
            self._process.ask(ask, **question)
        except ToldError as error:
            what = f"failed: {error.message}"
            raise failed(name, seed, what, advice=error.advice) from error
        except LostError as error:
            raise failed(name, seed, error.message, ProcessError, error.advice) from error
