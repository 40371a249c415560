"""An isolated mitigation, as the trainer sees it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace, TracebackType
from typing import Any

import pluggy
import torch
from torch import Tensor

from subliminal_bench.errors import (
    Advice,
    HookError,
    MitigationError,
    NotFiniteError,
    ProcessError,
)
from subliminal_bench.experiment.objective import AuxiliaryLoss
from subliminal_bench.experiment.tensors import finite_rows
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.calls import RawGradient
from subliminal_bench.mitigation.card import Settings
from subliminal_bench.mitigation.faults import failure, fresh_faults, picked
from subliminal_bench.mitigation.hooks import (
    HOOKS,
    PROJECT,
    HookSpecifications,
    Step,
    Training,
    hookimpl,
    step_tensors,
)
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.mitigation.isolation.launcher import Launcher
from subliminal_bench.mitigation.isolation.messages import Done, Loaded, PluginText
from subliminal_bench.mitigation.isolation.process import LostError, ToldError
from subliminal_bench.mitigation.mitigation import Mitigation, read_settings
from subliminal_bench.mitigation.plugin import Plugin
from subliminal_bench.mitigation.separation import Separation


@dataclass(frozen=True)
class IsolatedMitigation(Mitigation):
    """A mitigation whose code never runs in this process.

    Attributes:
        launcher: starts its processes.
    """

    launcher: Launcher[Loaded] = field(kw_only=True, compare=False)

    @property
    def isolation(self) -> Separation:
        """What keeps its processes apart."""
        return self.launcher.separation

    def begin(
        self, training: Training, seeds: Sequence[int], objective: AuxiliaryLoss
    ) -> "IsolatedCalls":
        """The hook calls in a fresh process for one cohort, for a `with` statement."""
        return IsolatedCalls(self, training, seeds, objective)


def load_isolated(
    spec: str, settings: Sequence[str] = (), limits: Limits | None = None
) -> IsolatedMitigation:
    """Load an isolated mitigation in its own process; see `load_mitigation`.

    Args:
        spec: the mitigation, as a user names it.
        settings: `name=value` each.
        limits: of its processes.

    Raises:
        MitigationError: it does not exist, is not usable, or lacks a parameter that is set.
    """
    if not hasattr(os, "killpg"):
        raise MitigationError("an isolated mitigation needs Linux or macOS")
    launcher = Launcher(spec, settings, limits or Limits(), Loaded)
    described = launcher.loaded.plugins
    cards = [one.card() for one in described]
    values = read_settings(cards, settings)
    plugins = tuple(
        Plugin(card, Settings(own), one.source_sha256, _stand_ins(one), None, one.attribute)
        for card, own, one in zip(cards, values, described, strict=True)
    )
    untold = tuple(filter(None, (loading.sources(part).untold for part in loading.parts(spec))))
    return IsolatedMitigation(
        plugins, undone=tuple(launcher.loaded.undone), untold=untold, launcher=launcher
    )


class IsolatedCalls:
    """The trainer's `Calls`, answered by another process.

    Args:
        mitigation: starts the process.
        training: of the cohort.
        seeds: the cohort's seeds, which determine the generators.
        objective: that the cohort's students minimise.
    """

    def __init__(
        self,
        mitigation: IsolatedMitigation,
        training: Training,
        seeds: Sequence[int],
        objective: AuxiliaryLoss,
    ) -> None:
        self._mitigation = mitigation
        self._training, self._seeds, self._objective = training, seeds, objective
        self._hooks = {hook for plugin in mitigation.plugins for hook in plugin.hooks}
        self._shown: Step | None = None
        self._images_wanted = False

    def __enter__(self) -> "IsolatedCalls":
        """Start the process."""
        self._process = self._mitigation.launcher.started()
        training = self._training
        self._asked(
            "start",
            training,
            "begin",
            device=str(training.base_parameters.device),
            objective=(self._objective.classes, self._objective.kind),
            layout=(training.layout.names, training.layout.shapes),
            steps=training.steps,
            epochs=training.epochs,
            seeds=self._seeds,
            shown_seeds=training.seeds,
            base_parameters=self._put("base_parameters", training.base_parameters),
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.close()

    def implement(self, hook: str) -> bool:
        """Whether any plugin implements a hook."""
        return hook in self._hooks

    def loss_gradient(
        self,
        loss: Tensor,
        raw: RawGradient,
        student_logits: Tensor,
        targets: Tensor,
        step: Step,
    ) -> Tensor:
        """Pass the loss through each plugin's `distill_loss`, and differentiate the result.

        The process gets the logits without their graph, and returns the gradients at the
        logits and at the parameters. The graph from logits to parameters is in this process.
        """
        parameters = step.student_parameters
        if not self.implement("distill_loss"):
            hook, direct = "teacher_targets", None
            (gradient,) = torch.autograd.grad(loss.sum(), parameters)
        else:
            hook = "distill_loss"
            changed = targets is not step.auxiliary_logits
            self._process.blocks.room("at_logits", student_logits)
            self._process.blocks.room("at_parameters", parameters)
            direct = self._asked(
                hook,
                step,
                "loss",
                step=self._step(step),
                logits=self._put("student_logits", student_logits),
                targets=self._put("targets", targets) if changed else None,
                # What the process would compute again.
                loss=None if changed else self._put("loss", loss),
                slope=None if changed else self._put("slope", raw.at_logits),
                sound=finite_rows(raw.at_parameters).tolist(),
            )
            slope = self._process.blocks.take("at_logits", student_logits)
            (gradient,) = torch.autograd.grad(student_logits, parameters, slope)
        if direct:
            gradient = gradient + self._process.blocks.take("at_parameters", parameters)
        what = "returned a loss whose gradient is not finite"
        return self._finite(gradient, raw.at_parameters, hook, step, what)

    def passed(self, hook: str, value: Tensor, view: Training) -> Tensor:
        """Pass a value through every plugin's hook of one kind; see `Calls.passed`."""
        if not self.implement(hook):
            return value
        self._process.blocks.room("returned", value)
        self._asked(
            hook,
            view,
            "pass",
            through=hook,
            step=self._step(view) if isinstance(view, Step) else None,
            value=self._put("value", value),
        )
        returned = self._process.blocks.take("returned", value)
        what = "returned values that are not finite"
        # The process has checked what every plugin but the last one returned.
        names = [one.card.name for one in self._mitigation.plugins if hook in one.hooks]
        return self._finite(returned, value, hook, view, what, names[-1])

    def _finite(
        self,
        found: Tensor,
        given: Tensor,
        hook: str,
        view: Training,
        otherwise: str,
        name: str | None = None,
    ) -> Tensor:
        """Check the result here, because the process cannot be trusted to do so."""
        bad = fresh_faults(found, given)
        if bad is not None:
            seeds = picked(view, bad)
            raise self._error(hook, view, otherwise, seeds, NotFiniteError, name=name)
        return found

    def _asked(self, hook: str, view: Training, ask: str, **question: Any) -> bool:
        """Whether the process reports that its loss depends on the parameters directly."""
        oracle = self._mitigation.access == "trait-gradient"
        trait = view.trait_gradient if isinstance(view, Step) and oracle else None
        try:
            images = partial(self._images, view) if isinstance(view, Step) else None
            answer = self._process.ask(ask, trait_gradient=trait, images=images, **question)
        except ToldError as error:
            what = f"failed: {error.message}"
            raise self._error(hook, view, what, advice=error.advice) from error
        except LostError as error:
            raise self._error(
                hook, view, error.message, kind=ProcessError, advice=error.advice
            ) from error
        return isinstance(answer, Done) and answer.direct

    def _step(self, step: Step) -> dict[str, Any] | None:
        """The step's content for the process, if it does not have this step yet."""
        if self._shown is step:
            return None
        self._shown = step
        # What the card does not declare is never put into memory that the process shares.
        access = self._mitigation.access
        names = [
            name for name in step_tensors(access) if name != "images" or self._images_wanted
        ]
        tensors = {name: self._put(name, getattr(step, name)) for name in names}
        return {"index": step.index, "epoch": step.epoch, "access": access, **tensors}

    def _images(self, step: Step) -> Tensor:
        """The step's images for a hook that looks at them; later steps bring theirs along."""
        self._images_wanted = True
        return step.images

    def _put(self, name: str, tensor: Tensor) -> dict[str, Any]:
        return self._process.blocks.put(name, tensor)

    def _error(
        self,
        hook: str,
        view: Training,
        what: str,
        seeds: Sequence[int] | None = None,
        kind: type[HookError] = HookError,
        advice: Advice = (),
        name: str | None = None,
    ) -> HookError:
        return failure(name or self._mitigation.name, hook, view, what, seeds, kind, advice)


def _stand_ins(plugin: PluginText) -> pluggy.PluginManager:
    """Placeholders for the plugin's hooks in the other process; they refuse to run here."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecifications)
    names = [hook for hook in HOOKS if hook in plugin.hooks]
    manager.register(SimpleNamespace(**{name: _elsewhere() for name in names}))
    return manager


def _elsewhere() -> Callable[[], None]:
    @hookimpl
    def refuse() -> None:
        raise AssertionError("this hook runs in an isolated process")

    return refuse
