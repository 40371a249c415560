"""The students that the catalogue of tricks begins with: trained once, without measuring."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.tricks import GATES
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.hooks import Step, Training
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import PlainPath
from subliminal_bench.training.path import plain_paths
from subliminal_bench.training.student import final_parameters, train_students
from subliminal_bench.training.teacher import train_teachers
from tests.support.plugins_for_tests import plugin

CPU = torch.device("cpu")
# Weights that are averaged: those before each of the last steps.
AVERAGED = 59
_OTHER_ORDER = 70_000


@dataclass(frozen=True)
class Students:
    """One seed's students.

    Attributes:
        cohort: of this seed alone.
        path: plain distillation's.
        curves: plain distillation's, `[1, steps]` each.
        parameters: by name, `[1, parameters]` each.
    """

    cohort: Cohort
    path: PlainPath
    curves: dict[str, Tensor]
    parameters: dict[str, Tensor]

    def write(self, path: Path) -> None:
        """Keep what was trained in a file."""
        kept = {
            "teacher": self.cohort.teacher_parameters,
            "path": vars(self.path),
            "curves": self.curves,
            "parameters": self.parameters,
        }
        torch.save(kept, path)

    @classmethod
    def read(cls, path: Path, protocol: Protocol, seed: int, digits: Digits) -> "Students":
        """One seed's students from a file."""
        kept = torch.load(path, weights_only=True)
        cohort = Cohort(protocol, (seed,), CPU, digits, kept["teacher"])
        return cls(cohort, PlainPath(**kept["path"]), kept["curves"], kept["parameters"])


def train(
    protocol: Protocol,
    seed: int,
    digits: Digits,
    tell: Callable[[str], None] = lambda what: None,
) -> Students:
    """Train one seed's students, some eight times as many steps as a run has."""
    tell("teacher")
    cohort = Cohort(
        protocol, (seed,), CPU, digits, train_teachers(protocol, (seed,), digits, CPU)
    )
    tell("path")
    (path,) = plain_paths(cohort)
    watch = _Watch(protocol.student_steps)
    tell("plain")

    def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
        watch.see(step)
        return gradient

    (outcome,) = train_students(cohort, _made(distill_gradient=distill_gradient))
    found = {"plain": outcome.parameters.unsqueeze(0), **watch.found()}
    tell("another order")
    # Everything else is the same: what is computed already is kept.
    other = replace(
        cohort,
        protocol=replace(
            protocol, noise_order_offset=protocol.noise_order_offset + _OTHER_ORDER
        ),
    )
    for name in ("noise", "teacher_logits"):
        other.__dict__[name] = getattr(cohort, name)
    found["another order"] = final_parameters(other, _made())
    curves = {name: curve.unsqueeze(0) for name, curve in outcome.curves.items()}
    students = Students(cohort, path, curves, found)
    return completed(students, tell)


def completed(students: Students, tell: Callable[[str], None] = lambda what: None) -> Students:
    """The same, with the mitigations that were added since these were trained."""
    found = dict(students.parameters)
    for name, hooks in MADE.items():
        if name not in found:
            tell(name)
            found[name] = final_parameters(students.cohort, _made(**hooks))
    return replace(students, parameters=found)


def _made(**hooks: Callable[..., Tensor]) -> Mitigation:
    return Mitigation((plugin("trick", **hooks),))


class _Watch:
    """Keeps weights of plain distillation on the way.

    Args:
        steps: of the run.
    """

    def __init__(self, steps: int) -> None:
        self._from = steps - AVERAGED
        # No multiples of ten, at which the path has a point, among them.
        self._stops = {round(steps * part / 20): part / 20 for part in (2, 5, 9, 13, 17)}
        self._stopped: dict[str, Tensor] = {}
        self._last: list[Tensor] = []

    def see(self, step: Step) -> None:
        parameters = step.student_parameters.detach()
        if step.index in self._stops:
            self._stopped[f"stopped at {self._stops[step.index]:.2f}"] = parameters.clone()
        if step.index >= self._from:
            self._last.append(parameters.clone())

    def found(self) -> dict[str, Tensor]:
        return {**self._stopped, "averaged weights": torch.stack(self._last).mean(0)}


def _stepping(size: Callable[[Step], float]) -> dict[str, Callable[..., Tensor]]:
    def parameter_update(update: Tensor, step: Step) -> Tensor:
        return size(step) * update

    return {"parameter_update": parameter_update}


def _lesioned(parameters: Tensor, training: Training) -> Tensor:
    """Some units of the first layer are never active and never learn, at little loss."""
    named = training.named(parameters)
    weight, onwards = named["fc1.weight"][:, :GATES], named["fc2.weight"][:, :, :GATES]
    # What such a unit is on average: noise along its weights is nearly normal.
    usual = weight.norm(dim=2) / math.sqrt(3) / math.sqrt(2 * math.pi)
    named["fc2.bias"] += (onwards @ usual.unsqueeze(2)).squeeze(2)
    weight.zero_()
    return parameters


# Students of mitigations, by name.
MADE: dict[str, dict[str, Callable[..., Tensor]]] = {
    "decaying steps": _stepping(lambda step: min(1.0, (1 - step.progress) / 0.6 + 0.03)),
    "half steps": _stepping(lambda step: 0.5),
    "quarter steps": _stepping(lambda step: 0.25),
    "double steps": _stepping(lambda step: 2.0),
    "lesioned": {"start": _lesioned},
}
