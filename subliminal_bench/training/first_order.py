"""Appendix B, numerically: the first-order change of the distillation loss under projection.

A step against the gradient g changes the distillation loss by -|g|^2 times its length, to first
order. Projection removes the component along a direction at the angle a; the change is then
-|g|^2 sin^2(a). Both changes are measured here as central differences of the loss itself.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from subliminal_bench.experiment import model
from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.experiment.objective import AuxiliaryLoss, distillation_kl
from subliminal_bench.experiment.protocol import PROBE, Protocol
from subliminal_bench.experiment.tensors import own_rows
from subliminal_bench.experiment.torch_state import pinned_torch
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import final_parameters
from subliminal_bench.training.teacher import train_teachers
from subliminal_bench.training.trait_gradient import inner_and_cosine
from subliminal_bench.training.views import step_view, training_view

# Real gradients are nearly orthogonal, so sin^2 is nearly 1 and tests little. Therefore the
# trait gradient is also rotated towards the distillation gradient, in the plane of the two.
ANGLES = (10, 20, 30, 40, 50, 60, 70, 80)
_SEEDS = (1, 2, 3)
# How far the parameters move (L2 norm): so little that hardly any ReLU switches on or off, and
# far enough for float64 to resolve the change of the loss.
_STRIDE = 1e-6


@dataclass(frozen=True)
class FirstOrderChange:
    """One projection of one student's gradient.

    Attributes:
        seed: of the student.
        when: `untrained` or `trained`.
        direction: `turned`, or `trait` for the unchanged trait gradient.
        angle: between gradient and direction, in degrees.
        ratio: the change of the loss with projection, divided by the change without it.
        expected: sin^2 of the angle; 1 above 90 degrees, because projection then does nothing.
    """

    seed: int
    when: str
    direction: str
    angle: float
    ratio: float
    expected: float


@pinned_torch()
def measure_first_order(protocol: Protocol = PROBE) -> list[FirstOrderChange]:
    """Measure at every angle, on untrained and on trained students.

    Args:
        protocol: the experiment; in float64, because rounding to float32 hides differences.
    """
    device = torch.device("cpu")
    digits = load_digits(protocol)
    cohort = Cohort(
        protocol, _SEEDS, device, digits, train_teachers(protocol, _SEEDS, digits, device)
    )
    trained = final_parameters(cohort, load_mitigation("baseline"))
    return [
        one
        for when, parameters in (("untrained", cohort.base_parameters), ("trained", trained))
        for one in _at(cohort, parameters, when)
    ]


def _at(cohort: Cohort, parameters: Tensor, when: str) -> list[FirstOrderChange]:
    batch = cohort.noise_orders[:, 0, : cohort.protocol.batch]
    gradient = _gradient(cohort, parameters, batch)
    _, trait = cohort.trait_gradient(parameters)
    unit = gradient / gradient.norm(dim=1, keepdim=True)
    across = trait - (trait * unit).sum(1, keepdim=True) * unit
    across = across / across.norm(dim=1, keepdim=True)
    turned = [
        math.cos(math.radians(angle)) * unit + math.sin(math.radians(angle)) * across
        for angle in ANGLES
    ]
    whole = _change(cohort, parameters, batch, gradient, gradient)
    found = []
    for direction, name in [*((one, "turned") for one in turned), (trait, "trait")]:
        projected = _projected(cohort, parameters, batch, gradient, direction)
        ratios = _change(cohort, parameters, batch, projected, gradient) / whole
        _, cosines = inner_and_cosine(gradient, direction)
        for seed, ratio, cosine in zip(
            cohort.seeds, ratios.tolist(), cosines.tolist(), strict=True
        ):
            angle = math.degrees(math.acos(cosine))
            expected = 1 - max(cosine, 0.0) ** 2
            found.append(FirstOrderChange(seed, when, name, angle, ratio, expected))
    return found


def _loss(cohort: Cohort, parameters: Tensor, batch: Tensor) -> Tensor:
    student = model.forward(cohort.layout, parameters, own_rows(cohort.noise, batch))
    return distillation_kl(cohort.protocol, student, own_rows(cohort.auxiliary_logits, batch))


def _gradient(cohort: Cohort, parameters: Tensor, batch: Tensor) -> Tensor:
    shown = parameters.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(_loss(cohort, shown, batch).sum(), shown)
    return gradient


def _change(
    cohort: Cohort, parameters: Tensor, batch: Tensor, step: Tensor, gradient: Tensor
) -> Tensor:
    """Change of the loss for a unit step against `step`, to first order, `[students]`."""
    stride = _STRIDE / gradient.norm(dim=1, keepdim=True)
    with torch.no_grad():
        after, before = (
            _loss(cohort, parameters + sign * stride * step, batch) for sign in (-1, 1)
        )
    change: Tensor = (after - before) / (2 * stride.squeeze(1))
    return change


def _projected(
    cohort: Cohort, parameters: Tensor, batch: Tensor, gradient: Tensor, direction: Tensor
) -> Tensor:
    """The gradient after the built-in projection, with this as the trait gradient."""
    training = training_view(cohort)
    projection = load_mitigation("projection")
    step = step_view(
        cohort,
        training,
        parameters.clone(),
        batch,
        0,
        0,
        lambda whole_audit: direction.clone(),
        projection.access,
    )
    objective = AuxiliaryLoss.of(cohort.protocol)
    with projection.begin(training, cohort.seeds, objective) as calls:
        return calls.passed("distill_gradient", gradient.clone(), step)
