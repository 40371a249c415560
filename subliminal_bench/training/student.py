"""Training the students, step by step: distil, apply the mitigation, measure."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from subliminal_bench.experiment import model
from subliminal_bench.experiment.metrics import STEP_CURVES
from subliminal_bench.experiment.objective import (
    AuxiliaryLoss,
    distillation_kl,
    distillation_loss,
    student_optimiser,
)
from subliminal_bench.experiment.torch_state import pinned_torch
from subliminal_bench.mitigation.calls import Calls, RawGradient
from subliminal_bench.mitigation.card import Access
from subliminal_bench.mitigation.hooks import Step, Training
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import accuracy, measured_outcomes
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.trait_gradient import inner_and_cosine
from subliminal_bench.training.views import step_view, training_view
from subliminal_bench.training.weight_change import Course, UpdateTally

# Increase this number whenever results of the same seed may change.
ENGINE = 3


@pinned_torch()
def train_students(
    cohort: Cohort,
    mitigation: Mitigation,
    advance: Callable[[int], None] = lambda steps: None,
    shown_seeds: tuple[int, ...] | None = None,
) -> list[Outcome]:
    """Train the cohort's students under a mitigation and measure them.

    Args:
        cohort: seeds, teachers and data.
        mitigation: its hooks act on loss and gradient.
        advance: called with the number of steps done since the last call.
        shown_seeds: the seed numbers that the mitigation sees, if not the true ones.

    Returns:
        One outcome per seed, in the cohort's order.

    Raises:
        HookError: a hook failed or returned something unusable.
    """
    record = _Record.empty(cohort)
    course = _trained(cohort, mitigation, record, advance, shown_seeds)
    return measured_outcomes(cohort, course, record.curves(), record.altered)


@pinned_torch()
def final_parameters(cohort: Cohort, mitigation: Mitigation) -> Tensor:
    """Train the cohort's students without measuring; returns `[students, parameters]`.

    Raises:
        HookError: a hook failed or returned something unusable.
    """
    return _trained(cohort, mitigation, None, lambda steps: None).ended


@pinned_torch()
def course_of(cohort: Cohort, mitigation: Mitigation) -> Course:
    """Train the cohort's students, and measure nothing but what moves their weights.

    Raises:
        HookError: a hook failed or returned something unusable.
    """
    return _trained(cohort, mitigation, _Record.empty(cohort), lambda steps: None)


def _trained(
    cohort: Cohort,
    mitigation: Mitigation,
    record: "_Record | None",
    advance: Callable[[int], None],
    shown_seeds: tuple[int, ...] | None = None,
) -> Course:
    """The students before the first and after the last step."""
    training = training_view(cohort, shown_seeds)
    objective = AuxiliaryLoss.of(cohort.protocol)
    with mitigation.begin(training, cohort.seeds, objective) as calls:
        return _stepped(cohort, calls, training, mitigation.access, record, advance)


def _stepped(
    cohort: Cohort,
    calls: Calls,
    training: Training,
    access: Access,
    record: "_Record | None",
    advance: Callable[[int], None],
) -> Course:
    protocol = cohort.protocol
    began = calls.passed("start", cohort.start_parameters, training)
    parameters = began.clone()
    optimiser = student_optimiser(protocol, parameters)
    changes_update = calls.implement("parameter_update")
    tally = UpdateTally.empty(parameters) if record and changes_update else None
    index = 0
    for epoch in range(protocol.student_epochs):
        for batch in cohort.noise_orders[:, epoch].split(protocol.batch, 1):
            # A copy: nothing that a hook writes into it or attaches to it outlives the step.
            before = parameters.clone()
            shown = before.clone().requires_grad_()
            audit = _Audit(cohort, before, index)
            step = step_view(cohort, training, shown, batch, index, epoch, audit.shown, access)
            raw_loss, raw_gradient, gradient = _gradients(cohort, calls, step)
            if record:
                record.measure(cohort, audit, raw_loss, raw_gradient, gradient)
            parameters.grad = gradient
            optimiser.step()
            if changes_update:
                update = parameters - before
                changed = calls.passed("parameter_update", update, step)
                parameters.copy_(before + changed)
                if record and tally:
                    record.altered[:, index] |= (changed != update).any(1)
                    tally.add(update, changed)
            index += 1
            advance(1)
    return Course(began, calls.passed("finish", parameters, training), parameters, tally)


class _Audit:
    """The trait gradients of one step, each computed on first use.

    Args:
        cohort: has the audit images.
        parameters: before the step, `[students, parameters]`.
        index: of the step.
    """

    def __init__(self, cohort: Cohort, parameters: Tensor, index: int) -> None:
        self.parameters = parameters
        self._cohort = cohort
        self.index = index
        self._whole: tuple[Tensor, Tensor] | None = None
        self._batch: Tensor | None = None

    def measured(self) -> tuple[Tensor, Tensor]:
        """Loss `[students]` and gradient `[students, parameters]` over all audit images."""
        return self._whole or self._cohort.measured_trait_gradient(self.parameters)

    def shown(self, whole_audit: bool) -> Tensor:
        """The gradient for an oracle, as a separate copy."""
        if whole_audit:
            if self._whole is None:
                self._whole = self._cohort.trait_gradient(self.parameters)
            return self._whole[1].clone()
        if self._batch is None:
            batch = self._cohort.audit_batches[self.index]
            _, self._batch = self._cohort.trait_gradient(self.parameters, batch)
        return self._batch.clone()


def _gradients(cohort: Cohort, calls: Calls, step: Step) -> tuple[Tensor, Tensor, Tensor]:
    """The KL, the raw loss's gradient, and that gradient after the mitigation."""
    parameters = step.student_parameters
    student_logits = model.forward(cohort.layout, parameters, step.images)
    raw_loss = distillation_loss(cohort.protocol, student_logits, step.auxiliary_logits)
    other_targets = calls.implement("teacher_targets")
    other_loss = other_targets or calls.implement("distill_loss")
    # A sum over students: each row of the gradient belongs to one student.
    (slope,) = torch.autograd.grad(raw_loss.sum(), student_logits, retain_graph=other_loss)
    (raw_gradient,) = torch.autograd.grad(
        student_logits, parameters, slope, retain_graph=other_loss
    )
    gradient = raw_gradient
    if other_loss:
        targets, loss = step.auxiliary_logits, raw_loss
        if other_targets:
            targets = calls.passed("teacher_targets", targets, step)
            loss = distillation_loss(cohort.protocol, student_logits, targets)
        raw = RawGradient(slope, raw_gradient)
        gradient = calls.loss_gradient(loss, raw, student_logits, targets, step)
    changed = calls.passed("distill_gradient", gradient, step)
    measured = raw_loss.detach()
    if cohort.protocol.distillation_loss != "kl":
        logits = student_logits.detach()
        measured = distillation_kl(cohort.protocol, logits, step.auxiliary_logits)
    return measured, raw_gradient, changed


@dataclass(frozen=True)
class _Record:
    """The values recorded at every step, `[students, steps]` each."""

    series: dict[str, Tensor]
    altered: Tensor
    test_accuracy: list[Tensor]

    @staticmethod
    def empty(cohort: Cohort) -> "_Record":
        shape = (len(cohort.seeds), cohort.protocol.student_steps)
        series = {
            name: torch.full(
                shape, float("nan"), device=cohort.device, dtype=cohort.protocol.dtype
            )
            for name in STEP_CURVES
        }
        return _Record(series, torch.zeros(shape, dtype=torch.bool, device=cohort.device), [])

    def measure(
        self,
        cohort: Cohort,
        audit: _Audit,
        raw_loss: Tensor,
        raw_gradient: Tensor,
        gradient: Tensor,
    ) -> None:
        """The step's loss; alignment with the trait gradient on the whole audit set, if due."""
        index = audit.index
        if index % cohort.protocol.test_every == 0:
            self.test_accuracy.append(accuracy(cohort, audit.parameters))
        self.series["distill_loss"][:, index] = raw_loss
        same = gradient is raw_gradient
        if not same:
            self.altered[:, index] = (gradient != raw_gradient).any(1)
        if index % cohort.protocol.measure_every:
            return
        trait_loss, trait = audit.measured()
        self.series["trait_loss"][:, index] = trait_loss
        pre = inner_and_cosine(raw_gradient, trait)
        post = pre if same else inner_and_cosine(gradient, trait)
        for side, (inner, cosine) in (("pre", pre), ("post", post)):
            self.series[f"inner_{side}"][:, index] = inner
            self.series[f"cosine_{side}"][:, index] = cosine

    def curves(self) -> dict[str, Tensor]:
        """All curves by their names in `metrics.CURVES`."""
        return self.series | {"test_accuracy": torch.stack(self.test_accuracy, 1).float()}
