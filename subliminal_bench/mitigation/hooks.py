"""The hook specifications: what a mitigation may change, and what it may see.

A mitigation is a module or an object with functions marked `@hookimpl`. It implements
`mitigation`, which returns its card, and any of the other hooks; each hook names only the
arguments that it needs. Every tensor has a leading student dimension: students are trained side
by side and must not influence one another.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pluggy
import torch
from torch import Tensor

from subliminal_bench.errors import AccessError
from subliminal_bench.experiment import model
from subliminal_bench.mitigation.card import Access, Card, Settings, includes

PROJECT = "subliminal_bench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, kw_only=True)
class Training:
    """The values that stay the same from the first step to the last.

    Attributes:
        steps: steps in the whole run.
        epochs: epochs in the whole run.
        seeds: the seed of each student.
        settings: this mitigation's parameter values.
        base_parameters: flat, `[students, parameters]`: the model that teacher and student
            start from.
        generators: one CPU generator per student; all randomness must come from these, so
            that a seed's result does not depend on the students beside it.
        state: the mitigation's own state, kept from hook to hook; empty when a run starts.
    """

    steps: int
    epochs: int
    seeds: tuple[int, ...]
    settings: Settings
    base_parameters: Tensor
    generators: tuple[torch.Generator, ...]
    state: dict[str, Any]
    layout: model.Layout = field(repr=False)

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Views of a flat `[students, parameters]` tensor by name: `fc1.weight`, ..."""
        return self.layout.named(flat)

    def forward(self, parameters: Tensor, images: Tensor) -> Tensor:
        """Logits `[students, images, logits]` of a model with these flat parameters.

        Args:
            parameters: `[students, parameters]`.
            images: `[students, images, pixels]`, or `[images, pixels]` shown to all.
        """
        return model.forward(self.layout, parameters, images)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers `[students, *shape]`, each row from its seed's generator.

        They are drawn in single precision and have the dtype of the protocol, so that they are
        the same numbers under all protocols.
        """
        rows = [torch.randn(shape, generator=generator) for generator in self.generators]
        return torch.stack(rows).to(self.base_parameters)


@dataclass(frozen=True, kw_only=True)
class Step(Training):
    """The current step, and the tensors that a mitigation may read besides `Training`'s.

    Attributes:
        index: step, from 0.
        epoch: epoch, from 0.
        images: the batch's noise images, `[students, batch, pixels]`, on [-1, 1).
        auxiliary_logits: the teacher's three, `[students, batch, 3]`: all that distillation
            compares the student with.
        base_logits: the base model's, `[students, batch, logits]`: ten class logits, then three
            auxiliary.
        student_parameters: flat, `[students, parameters]`, before this step. Differentiable
            in `distill_loss`.
        access: the level that the mitigation's card declares.
    """

    index: int
    epoch: int
    images: Tensor
    auxiliary_logits: Tensor
    base_logits: Tensor
    student_parameters: Tensor
    access: Access = "blind"
    _teacher_logits: Tensor | None = field(default=None, repr=False)
    _trait_gradient: Callable[[bool], Tensor] | None = field(default=None, repr=False)

    @property
    def progress(self) -> float:
        """0 at the first step, 1 at the last."""
        return self.index / max(self.steps - 1, 1)

    @property
    def teacher_logits(self) -> Tensor:
        """All of the teacher's logits: ten class logits, then the three auxiliary ones.

        A distiller is given only the auxiliary ones: only an entry with access
        `teacher-classes` or above may read this.

        Returns:
            `[students, batch, logits]`.
        """
        if self._teacher_logits is None:
            raise AccessError(
                "step.teacher_logits needs access level 'teacher-classes' on the card, which "
                f"declares {self.access!r}: declare it, or use step.auxiliary_logits"
            )
        return self._teacher_logits

    def trait_gradient(self, whole_audit: bool = False) -> Tensor:
        """Gradient of the class cross-entropy at the parameters before this step.

        No real distiller has it: only an entry with access `trait-gradient` may request it.

        Args:
            whole_audit: over all audit images instead of the step's audit mini-batch.

        Returns:
            `[students, parameters]`, the mean over the images.
        """
        if self._trait_gradient is None:
            raise AccessError(
                "step.trait_gradient() needs access level 'trait-gradient' on the card, "
                f"which declares {self.access!r}: declare it, or do without"
            )
        return self._trait_gradient(whole_audit)


View = TypeVar("View", bound=Training)


def altered(view: View, **values: Any) -> View:
    """A view like another one with other values; the values that it has are not read."""
    other = copy.copy(view)
    vars(other).update(values)
    return other


def withheld(access: Access) -> dict[str, Any]:
    """The fields of a `Step` that an access level replaces, to show no more than it allows."""
    fields: dict[str, Any] = {"access": access}
    if not includes(access, "teacher-classes"):
        fields["_teacher_logits"] = None
    if not includes(access, "trait-gradient"):
        fields["_trait_gradient"] = None
    return fields


class HookSpecifications:
    """The hooks, in the order in which they act; an implementation may omit arguments."""

    @hookspec(firstresult=True)
    def mitigation(self) -> Card:
        """Return the mitigation's card. Every mitigation must implement this hook."""
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def start(self, parameters: Tensor, training: Training) -> Tensor | None:
        """Return the parameters that the students start from, or None to leave them.

        Args:
            parameters: `[students, parameters]`, a copy of the base model's parameters.
            training: the values that stay the same during the run.

        Returns:
            `[students, parameters]`, or None.
        """
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def teacher_targets(self, targets: Tensor, step: Step) -> Tensor:
        """Return the target logits of the distillation loss.

        Only auxiliary logits enter that loss, so this is all there is to aim at, whatever the
        access level.

        Args:
            targets: `[students, batch, 3]`, a copy of the teacher's auxiliary logits.
            step: the current step.

        Returns:
            `[students, batch, 3]`. The measured divergence is still the divergence from the
            teacher itself.
        """
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def distill_loss(
        self, loss: Tensor, student_logits: Tensor, targets: Tensor, step: Step
    ) -> Tensor:
        """Return the loss to train on.

        Args:
            loss: `[students]`, KL(targets || student) over the auxiliary logits in nats, mean
                over the batch.
            student_logits: `[students, batch, logits]`, differentiable.
            targets: `[students, batch, 3]`, auxiliary logits as returned by `teacher_targets`.
            step: the current step.

        Returns:
            `[students]`, still connected to `loss`, `student_logits` or
            `step.student_parameters`.
        """
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def distill_gradient(self, gradient: Tensor, step: Step) -> Tensor:
        """Return the gradient to hand to the optimiser.

        Args:
            gradient: `[students, parameters]`, a copy of the gradient of the loss that
                `distill_loss` returned.
            step: the current step.

        Returns:
            `[students, parameters]`.
        """
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def parameter_update(self, update: Tensor, step: Step) -> Tensor:
        """Return what to add to the parameters.

        Args:
            update: `[students, parameters]`, a copy of what the optimiser (Adam) would add.
                Adam divides each component by its own running magnitude, so the update does
                not point along the gradient.
            step: the current step.

        Returns:
            `[students, parameters]`.
        """
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def finish(self, parameters: Tensor, training: Training) -> Tensor | None:
        """Return the parameters that the students end with, or None to leave them.

        Args:
            parameters: `[students, parameters]`, a copy of those after the last step.
            training: the values that stay the same during the run.

        Returns:
            `[students, parameters]`, or None.
        """
        raise AssertionError("a specification is never called")


@dataclass(frozen=True)
class Passed:
    """How a value passes through one kind of hook, from one plugin to the next.

    Attributes:
        argument: the hook's name for the value.
        shape: of the value, in words.
        every_step: whether the hook is called at every step and gets a `Step`; otherwise it is
            called once per run and gets the `Training`.
        may_leave: whether the hook may return None to leave the value unchanged.
    """

    argument: str
    shape: str
    every_step: bool = True
    may_leave: bool = False


_PARAMETERS = "[students, parameters]"

# Every hook that receives a value and returns a changed one. Trainer, isolated process and
# checks look hooks up here, so a new hook needs no extra code in them.
PASSED: dict[str, Passed] = {
    "start": Passed("parameters", _PARAMETERS, every_step=False, may_leave=True),
    "teacher_targets": Passed("targets", "[students, batch, 3]"),
    "distill_gradient": Passed("gradient", _PARAMETERS),
    "parameter_update": Passed("update", _PARAMETERS),
    "finish": Passed("parameters", _PARAMETERS, every_step=False, may_leave=True),
}

# All hooks, in the order in which they act. `distill_loss` is not in `PASSED`, because the loss
# that it returns is also differentiated.
HOOKS = (
    "start",
    "teacher_targets",
    "distill_loss",
    "distill_gradient",
    "parameter_update",
    "finish",
)

# Those that change the weights after the optimiser has.
MOVING = frozenset({"parameter_update", "finish"})

# The tensors of a step that all hooks may read and only the trainer may change.
STEP_TENSORS = ("images", "auxiliary_logits", "base_logits", "student_parameters")


def step_tensors(access: Access) -> tuple[str, ...]:
    """The tensors of a step that hooks of an access level may read.

    >>> step_tensors("teacher-classes")[-1]
    'teacher_logits'
    """
    classes = ("teacher_logits",) if includes(access, "teacher-classes") else ()
    return (*STEP_TENSORS, *classes)
