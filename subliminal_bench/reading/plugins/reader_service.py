"""The service in an isolated reader's process: it loads the reader and lets it read."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from subliminal_bench.experiment.model import Layout
from subliminal_bench.mitigation.isolation import service
from subliminal_bench.mitigation.isolation.channel import Channel
from subliminal_bench.reading.plugins.reader import CallsHere, Reader, load_reader
from subliminal_bench.reading.plugins.shown import Shown


class Service(service.Service):
    """Answers one request after the other, as a mitigation's process does.

    Args:
        channel: connects it to the harness.
    """

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._reader: Reader
        self._reading: CallsHere

    def _load(self, question: Mapping[str, Any]) -> dict[str, Any]:
        torch.set_num_threads(question["threads"])
        self._reader = load_reader(question["spec"], question["settings"])
        card = self._reader.card
        return {
            "kind": "loaded reader",
            "name": card.name,
            "title": card.title,
            "method": card.method,
            "renderings": list(card.renderings),
            "labels": card.labels,
            "reference": card.reference,
            "parameters": service.described_parameters(card.parameters),
            "source_sha256": self._reader.source_sha256,
        }

    def _begin(self, question: Mapping[str, Any]) -> dict[str, Any]:
        names, shapes = question["layout"]
        tensors = {name: self._tensor(said) for name, said in question["tensors"].items()}
        shown = Shown(
            seed=question["seed"],
            layout=Layout(tuple(names), tuple(map(tuple, shapes))),
            classes=question["classes"],
            base=tensors["base"],
            teacher=tensors["teacher"],
            noise=tensors["noise"],
            audit_images=_by_rendering("audit images, ", tensors),
            audit_labels=tensors["audit_labels"],
            images=_by_rendering("images, ", tensors),
        )
        self._reading = CallsHere(self._reader, shown)
        return {"kind": "done"}

    def _read(self, question: Mapping[str, Any]) -> dict[str, Any]:
        student = self._tensor(question["student"])
        found = self._reading.predictions(student, question["rendering"])
        self._blocks.put("predictions", found)
        return {"kind": "done"}


def _by_rendering(start: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start like that, by the rest of their names."""
    return {
        name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)
    }
