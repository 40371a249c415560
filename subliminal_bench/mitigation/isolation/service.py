"""The service in a mitigation's process: it loads the mitigation and calls its hooks."""

import threading
import weakref
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.experiment.model import Layout
from subliminal_bench.experiment.objective import AuxiliaryLoss
from subliminal_bench.experiment.tensors import finite_rows
from subliminal_bench.mitigation.calls import HookCalls
from subliminal_bench.mitigation.card import Parameter, Settings
from subliminal_bench.mitigation.hooks import PASSED, STEP_TENSORS, Training
from subliminal_bench.mitigation.isolation.channel import (
    BrokenChannelError,
    Channel,
    SharedBlocks,
)
from subliminal_bench.mitigation.isolation.late_images import LateImages, LateStep
from subliminal_bench.mitigation.isolation.logits import Connection, computed_loss, slope_alone
from subliminal_bench.mitigation.loading import reason
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.mitigation.plugin import Plugin

_LONGEST_LINE = 1500


class Service:
    """Answers one request after the other.

    Args:
        channel: connects it to the trainer's process.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._blocks = SharedBlocks()
        self._number = 0
        self._device = torch.device("cpu")
        self._objective = AuxiliaryLoss(0)
        self._mitigation: Mitigation
        self._training: Training
        self._calls: HookCalls
        # What hooks are shown copies of, in the shared memory itself.
        self._originals: dict[str, Tensor] = {}
        self._step: dict[str, Any] = {}
        self._sent_images: Mapping[str, Any] | None = None
        self._late: weakref.ref[LateImages] | None = None
        # A hook's own threads may ask too.
        self._asking = threading.Lock()

    def answer_all(self) -> None:
        """Answer requests until the other side is gone.

        Raises:
            BrokenChannelError: the other side is gone.
        """
        while True:
            question = self._received()
            self._number = question["number"]
            try:
                answer = getattr(self, f"_{question['ask']}")(question)
                self._keep_images()
            except BrokenChannelError:
                raise
            except BenchmarkError as error:
                answer = _failed(type(error).__name__, str(error))
            except BaseException as error:
                # This includes what a hook raises to end or to interrupt the program.
                answer = _failed("", reason(error))
            self._channel.send({"number": self._number, **answer})

    def _received(self) -> Any:
        message, files = self._channel.receive_with_files()
        self._blocks.learn(message.get("blocks", ()), files)
        return message

    def _load(self, question: Mapping[str, Any]) -> dict[str, Any]:
        torch.set_num_threads(question["threads"])
        self._mitigation = load_mitigation(question["spec"], question["settings"])
        return {
            "kind": "loaded",
            "plugins": [*map(_described, self._mitigation.plugins)],
            "undone": list(self._mitigation.undone),
        }

    def _begin(self, question: Mapping[str, Any]) -> dict[str, Any]:
        self._device = torch.device(question["device"])
        self._objective = AuxiliaryLoss(*question["objective"])
        names, shapes = question["layout"]
        self._training = Training(
            steps=question["steps"],
            epochs=question["epochs"],
            seeds=tuple(question["shown_seeds"]),
            settings=Settings({}),
            base_parameters=self._tensor(question["base_parameters"]),
            generators=(),
            state={},
            layout=Layout(tuple(names), tuple(map(tuple, shapes))),
        )
        self._calls = HookCalls(
            self._mitigation.plugins, self._training, question["seeds"], self._originals
        )
        return {"kind": "done"}

    def _pass(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Pass one tensor through every plugin's hook of one kind."""
        hook, value = question["through"], self._view(question["value"])
        view = self._stepped(question) if PASSED[hook].every_step else self._calls.training
        self._blocks.put("returned", self._calls.handed_over(hook, value, view))
        return {"kind": "done"}

    def _loss(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Pass the loss through each `distill_loss`; its gradients at logits and parameters."""
        step = self._stepped(question)
        connection = Connection(self._training.layout, step.late.get)
        logits = connection.made(step.student_parameters, self._view(question["logits"]))
        targets = step.auxiliary_logits
        if question["targets"]:
            targets = self._tensor(question["targets"])
            loss = self._objective(logits, targets)
        else:
            loss = computed_loss(
                logits,
                partial(self._objective, targets=targets),
                self._view(question["loss"]),
                self._tensor(question["slope"]),
            )
        passed = self._calls.loss(loss, logits, targets, step)
        sound = torch.tensor(question["sound"], device=self._device)
        slope = slope_alone(passed.value, logits, step.student_parameters)
        depends = slope is None
        if slope is None:
            with connection.cut() as at_logits:
                direct = passed.gradient(sound, step)
            (slope,) = at_logits or [torch.zeros_like(logits)]
            depends = bool(direct.any())
        if (~finite_rows(slope) & sound).any():
            # Differentiate through the model again, to find out which hook is to blame.
            passed.gradient(sound, step)
        self._blocks.put("at_logits", slope)
        if depends:
            self._blocks.put("at_parameters", direct)
        return {"kind": "done", "direct": depends}

    def _stepped(self, question: Mapping[str, Any]) -> LateStep:
        """The step of a request; its tensors are sent with the step's first request."""
        said = question["step"]
        if said is not None:
            names = [name for name in STEP_TENSORS if name != "images"]
            tensors: dict[str, Any] = {name: self._tensor(said[name]) for name in names}
            tensors["student_parameters"].requires_grad_()
            # On a card the original would have to be copied there for every comparison.
            if self._device.type == "cpu":
                original = self._blocks.view(said["student_parameters"])
                self._originals["student_parameters"] = original
            self._sent_images = said.get("images")
            # Sent only if a card declares the access.
            teacher = said.get("teacher_logits")
            self._step = {
                **vars(self._training),
                **tensors,
                "index": said["index"],
                "epoch": said["epoch"],
                "access": said["access"],
                "_teacher_logits": teacher and self._tensor(teacher),
                "_trait_gradient": self._trait_gradient,
            }
        assert self._step, "no hook with a step is called before the first step"
        late = LateImages(self._step, partial(self._images, self._sent_images))
        self._late = weakref.ref(late)
        return LateStep.of(self._step, late)

    def _images(self, sent: Mapping[str, Any] | None) -> Tensor:
        if sent is not None:
            return self._tensor(sent)
        return self._tensor(self._asked({"kind": "asks images"})["images"])

    def _keep_images(self) -> None:
        """Get images that a hook has kept without looking at them; soon they are gone."""
        late = self._late() if self._late else None
        if late:
            late.get()

    def _trait_gradient(self, whole_audit: bool) -> Tensor:
        question = {"kind": "asks trait", "whole_audit": bool(whole_audit)}
        return self._tensor(self._asked(question)["trait_gradient"])

    def _asked(self, question: Mapping[str, Any]) -> Any:
        with self._asking:
            self._channel.send({**question, "number": self._number})
            return self._received()

    def _view(self, said: Mapping[str, Any]) -> Tensor:
        return self._blocks.view(said).to(self._device)

    def _tensor(self, said: Mapping[str, Any]) -> Tensor:
        return self._blocks.get(said).to(self._device)


def _failed(error: str, line: str) -> dict[str, Any]:
    return {"kind": "failed", "error": error, "line": line[:_LONGEST_LINE]}


def described_parameters(parameters: Sequence[Parameter]) -> list[dict[str, Any]]:
    """A card's parameters, as a reply has them."""
    return [vars(one) | {"about": str(one.about)} for one in parameters]


def _described(plugin: Plugin) -> dict[str, Any]:
    card = plugin.card
    return {
        "name": card.name,
        "title": card.title,
        "access": card.access,
        "reference": card.reference,
        "prior": card.prior,
        "twin": None if card.twin is None else dict(card.twin),
        "parameters": described_parameters(card.parameters),
        "hooks": plugin.hooks,
        "attribute": plugin.attribute,
        "source_sha256": plugin.source_sha256,
    }
