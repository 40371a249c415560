"""What a mitigation may change, and what it gets to see: the hook specifications.

A mitigation is a module or an object with functions marked `@hookimpl`. It implements
`mitigation`, which returns its card, and any of the other hooks; it names only the arguments
it needs. Every tensor has a leading student dimension: students are trained side by side and
must not influence one another.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pluggy
import torch
from torch import Tensor

from subliminal_bench import model
from subliminal_bench.access import Access
from subliminal_bench.errors import HookError, MitigationError

PROJECT = "subliminal_bench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Value = bool | int | float | str


@dataclass(frozen=True)
class Parameter:
    """A number or word of a mitigation that `--set name=value` changes.

    The default's type is the parameter's type.

    >>> Parameter("weight", 1.0, "strength of the anchor", minimum=0.0).read("0.5")
    0.5
    >>> Parameter("weight", 1.0, minimum=0.0).read("-1")
    Traceback (most recent call last):
    subliminal_bench.errors.MitigationError: parameter weight is -1.0, below its minimum 0.0
    """

    name: str
    default: Value
    about: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] | None = None

    def read(self, text: str) -> Value:
        """The value that `text` stands for, within the declared range."""
        kind = type(self.default)
        try:
            value = _BOOLEANS[text.lower()] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise MitigationError(
                f"parameter {self.name} takes {_KINDS[kind]}, not {text!r}"
            ) from None
        if isinstance(value, float) and not abs(value) < float("inf"):
            raise MitigationError(f"parameter {self.name} must be finite, not {text}")
        if not isinstance(value, str):
            if self.minimum is not None and value < self.minimum:
                raise MitigationError(
                    f"parameter {self.name} is {value}, below its minimum {self.minimum}"
                )
            if self.maximum is not None and value > self.maximum:
                raise MitigationError(
                    f"parameter {self.name} is {value}, above its maximum {self.maximum}"
                )
        elif self.choices is not None and value not in self.choices:
            raise MitigationError(
                f"parameter {self.name} is {value!r}; choose one of {', '.join(self.choices)}"
            )
        return value


_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a word",
}
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


@dataclass(frozen=True)
class Card:
    """What a mitigation says of itself.

    Attributes:
        name: short, lower case, as it is typed on the command line.
        title: one line for people.
        access: `blind` for what a distiller really has (teacher logits on the noise, the base
            model); `trait-gradient` for an oracle that may ask for the trait gradient.
        parameters: what `--set` may change.
        reference: where the idea is from.

    >>> Card("halve", "Halve the gradient").access
    'blind'
    """

    name: str
    title: str
    access: Access = "blind"
    parameters: tuple[Parameter, ...] = ()
    reference: str = ""


class Settings(Mapping[str, Value]):
    """The values of a mitigation's parameters, read as attributes.

    >>> Settings({"weight": 0.5}).weight
    0.5
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = dict(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(
                f"no parameter {name!r} is declared on the card; "
                f"declared: {', '.join(self._values) or 'none'}"
            )
        return self._values[name]

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


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
