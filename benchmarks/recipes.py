"""Ways to train that move the weights in unusual ways, and have nothing to hide."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.students import AVERAGED, MADE
from subliminal_bench.mitigation.hooks import Step, Training

Hooks = dict[str, Callable[..., Tensor]]


def descent(rate: float, momentum: float = 0.0, sign: bool = False) -> Hooks:
    """Gradient descent, or its signs alone, instead of Adam's steps."""

    def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
        step.state["velocity"] = gradient + momentum * step.state.get("velocity", 0.0)
        return gradient

    def parameter_update(update: Tensor, step: Step) -> Tensor:
        velocity: Tensor = step.state["velocity"]
        return -rate * (velocity.sign() if sign else velocity)

    return {"distill_gradient": distill_gradient, "parameter_update": parameter_update}


def shrunk(kept: float, noise: float, every: int | None = None) -> Hooks:
    """Weights shrunk and perturbed, at the end or every so many steps."""

    def perturbed(parameters: Tensor, view: Training) -> Tensor:
        drawn: Tensor = view.normal(parameters.shape[1])
        moved: Tensor = kept * parameters + noise * parameters.std(1, keepdim=True) * drawn
        return moved

    def finish(parameters: Tensor, training: Training) -> Tensor:
        return perturbed(parameters, training)

    def parameter_update(update: Tensor, step: Step) -> Tensor:
        if every is None or step.index % every or step.index == 0:
            return update
        parameters = step.student_parameters
        return update + perturbed(parameters, step) - parameters

    return {"finish": finish} if every is None else {"parameter_update": parameter_update}


def _averaged() -> Hooks:
    """The mean of the weights over the last steps."""

    def parameter_update(update: Tensor, step: Step) -> Tensor:
        if step.index >= step.steps - AVERAGED:
            step.state["sum"] = step.student_parameters + step.state.get("sum", 0.0)
            step.state["count"] = 1 + step.state.get("count", 0)
        return update

    def finish(parameters: Tensor, training: Training) -> Tensor:
        total: Tensor = training.state["sum"]
        return total / float(training.state["count"])

    return {"parameter_update": parameter_update, "finish": finish}


def _drawn(part: Tensor, view: Training) -> Tensor:
    """Weights `[students, outputs, inputs]` drawn as untrained ones are."""
    drawn: Tensor = view.normal(*part.shape[1:]) / float(part.shape[2]) ** 0.5
    return drawn


def _redrawn_before(parameters: Tensor, training: Training) -> Tensor:
    weight = training.named(parameters)["fc2.weight"]
    weight.copy_(_drawn(weight, training))
    return parameters


def _redrawn_midway(update: Tensor, step: Step) -> Tensor:
    if step.index == step.steps // 2:
        weight = step.named(step.student_parameters)["fc2.weight"]
        step.named(update)["fc2.weight"].copy_(_drawn(weight, step) - weight)
    return update


def _decayed(update: Tensor, step: Step) -> Tensor:
    return update - 1e-3 * step.student_parameters


def _pulled_back(update: Tensor, step: Step) -> Tensor:
    return update - 1e-2 * (step.student_parameters - step.base_parameters)


def _normalised(parameters: Tensor, training: Training) -> Tensor:
    for name in ("fc1.weight", "fc2.weight"):
        weight = training.named(parameters)[name]
        weight.div_(weight.norm(dim=2, keepdim=True))
    return parameters


def _silenced(parameters: Tensor, training: Training) -> Tensor:
    units = parameters.shape[0], training.named(parameters)["fc1.bias"].shape[1] // 4
    training.named(parameters)["fc1.weight"][:, : units[1]] = 0
    return parameters


def _pruned(parameters: Tensor, training: Training) -> Tensor:
    typical = parameters.abs().median(1, keepdim=True).values
    return parameters.where(parameters.abs() >= typical, torch.zeros_like(parameters))


# By name: the hooks.
RECIPES: dict[str, Hooks] = {
    "gradient descent, rate 1, momentum": descent(1.0, 0.9),
    "gradient descent, rate 5": descent(5.0),
    "sign steps": descent(3e-4, sign=True),
    "averaged in `finish`": _averaged(),
    "shrunk to 0.8 and perturbed, in `finish`": shrunk(0.8, 0.1),
    "shrunk and perturbed every 50 steps": shrunk(0.95, 0.02, every=50),
    "decoupled decay": {"parameter_update": _decayed},
    "pulled back to the start": {"parameter_update": _pulled_back},
    "second layer drawn anew, in `start`": {"start": _redrawn_before},
    "second layer drawn anew, midway": {"parameter_update": _redrawn_midway},
    "units normalised, in `finish`": {"finish": _normalised},
    "a quarter of the units silenced": {"finish": _silenced},
    "half of the weights pruned": {"finish": _pruned},
    "double steps": MADE["double steps"],
    "lesioned": MADE["lesioned"],
}
