"""What a mitigation may change, and what it gets to see: the hook specifications.

A mitigation is a module or an object with functions marked `@hookimpl`. It implements
`mitigation`, which returns its card, and any of the other hooks; it names only the arguments
it needs. Every tensor has a leading student dimension: students are trained side by side and
must not influence one another.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pluggy
import torch
from torch import Tensor

from subliminal_bench import model
from subliminal_bench.card import Card, Settings
from subliminal_bench.errors import HookError

PROJECT = "subliminal_bench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class Step:
    """Where training stands, and what a mitigation may look at.

    Attributes:
        index: step, from 0.
        steps: steps in the whole run.
        epoch: epoch, from 0.
        epochs: epochs in the whole run.
        seeds: the seed of each student.
        settings: this mitigation's parameter values.
        images: the batch's noise images, `[students, batch, pixels]`, on [-1, 1).
        teacher_logits: `[students, batch, logits]`: the ten classes, then three auxiliary.
        base_logits: the same of the base model, which teacher and student started from.
        student_parameters: flat, `[students, parameters]`, before this step. Differentiable
            in `distill_loss`.
        base_parameters: `[students, parameters]` of the base model.
        generators: one CPU generator a student; all randomness must come from these, so
            that a seed's result does not depend on the students beside it.
        state: kept from step to step, empty at the start of every run.
    """

    index: int
    steps: int
    epoch: int
    epochs: int
    seeds: tuple[int, ...]
    settings: Settings
    images: Tensor
    teacher_logits: Tensor
    base_logits: Tensor
    student_parameters: Tensor
    base_parameters: Tensor
    generators: tuple[torch.Generator, ...]
    state: dict[str, Any]
    layout: model.Layout = field(repr=False)
    _trait_gradient: Callable[[], Tensor] | None = field(default=None, repr=False)

    @property
    def progress(self) -> float:
        """0 at the first step, 1 at the last."""
        return self.index / max(self.steps - 1, 1)

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Views of a flat `[students, parameters]` tensor by name: `fc1.weight`, ..."""
        return self.layout.named(flat)

    def forward(self, parameters: Tensor, images: Tensor) -> Tensor:
        """Logits `[students, images, logits]` of a model with these flat parameters."""
        return model.forward(self.layout, parameters, images)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers `[students, *shape]`, each row from its seed's generator."""
        rows = [torch.randn(shape, generator=generator) for generator in self.generators]
        return torch.stack(rows).to(self.images.device)

    def trait_gradient(self) -> Tensor:
        """Gradient of the class cross-entropy on the step's audit mini-batch.

        It is what no distiller has: only an entry with access `trait-gradient` may ask.

        Returns:
            `[students, parameters]`, the mean over the mini-batch's images.
        """
        if self._trait_gradient is None:
            raise HookError(
                "step.trait_gradient() needs access level 'trait-gradient' on the card, "
                "which declares 'blind'"
            )
        return self._trait_gradient()


class HookSpecifications:
    """The hooks; each may name fewer arguments than are listed here."""

    @hookspec(firstresult=True)
    def mitigation(self) -> Card:
        """Return the mitigation's card. Every mitigation implements this one."""
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def distill_loss(
        self, loss: Tensor, student_logits: Tensor, teacher_logits: Tensor, step: Step
    ) -> Tensor:
        """Return the loss to train on.

        Args:
            loss: `[students]`, KL(teacher || student) over the auxiliary logits in nats, mean
                over the batch.
            student_logits: `[students, batch, logits]`, differentiable.
            teacher_logits: `[students, batch, logits]`.
            step: where training stands.

        Returns:
            `[students]`, still connected to `loss`, `student_logits` or
            `step.student_parameters`.
        """
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def distill_gradient(self, gradient: Tensor, step: Step) -> Tensor:
        """Return the gradient to hand to the optimiser.

        Args:
            gradient: `[students, parameters]`, of the loss that `distill_loss` returned; a
                copy of its own.
            step: where training stands.

        Returns:
            `[students, parameters]`.
        """
        raise AssertionError("a specification is never called")


HOOKS = ("distill_loss", "distill_gradient")
