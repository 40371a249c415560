"""The student's training, step by step: distil, let the mitigation act, measure."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from subliminal_bench import model
from subliminal_bench.alignment import inner_and_cosine
from subliminal_bench.card import Settings
from subliminal_bench.cohort import Cohort, rows
from subliminal_bench.hook_calls import HookCalls
from subliminal_bench.hooks import Step
from subliminal_bench.measures import Outcome, accuracy, outcomes
from subliminal_bench.metrics import STEP_CURVES
from subliminal_bench.mitigations import Mitigation
from subliminal_bench.training import adam, distillation_kl


def train_students(
    cohort: Cohort, mitigation: Mitigation, advance: Callable[[int], None] = lambda steps: None
) -> list[Outcome]:
    """Train the cohort's students under a mitigation and measure them.

    Args:
        cohort: seeds, teachers and data.
        mitigation: whose hooks act on loss and gradient.
        advance: told the steps done since the last call.

    Returns:
        One outcome a seed, in the cohort's order.

    Raises:
        HookError: a hook failed or returned something unusable.
    """
    protocol = cohort.protocol
    parameters = cohort.base_parameters.clone().requires_grad_()
    optimiser = adam(protocol, parameters)
    calls = HookCalls(mitigation, cohort.seeds)
    record = _Record.empty(cohort)
    index = 0
    for epoch in range(protocol.student_epochs):
        for batch in cohort.noise_orders[:, epoch].split(protocol.batch, 1):
            if index % protocol.test_every == 0:
                record.test_accuracy.append(accuracy(cohort, parameters))
            step = _step(cohort, parameters, batch, index, epoch)
            raw_loss, raw_gradient, gradient = _gradients(cohort, calls, step)
            record.measure(cohort, index, parameters.detach(), raw_loss, raw_gradient, gradient)
            parameters.grad = gradient
            optimiser.step()
            index += 1
            advance(1)
    return outcomes(cohort, parameters.detach(), record.curves(), record.altered)


def _step(cohort: Cohort, parameters: Tensor, batch: Tensor, index: int, epoch: int) -> Step:
    protocol = cohort.protocol
    kept: list[Tensor] = []

    def audit_gradient() -> Tensor:
        """Made when first asked for; every caller gets a copy of its own."""
        if not kept:
            _, gradient = cohort.trait_gradient(
                parameters.detach(), cohort.audit_batches[index]
            )
            kept.append(gradient)
        return kept[0].clone()

    return Step(
        index=index,
        steps=protocol.student_steps,
        epoch=epoch,
        epochs=protocol.student_epochs,
        seeds=cohort.seeds,
        settings=Settings({}),
        images=rows(cohort.noise, batch),
        teacher_logits=rows(cohort.teacher_logits, batch),
        base_logits=rows(cohort.base_logits, batch),
        student_parameters=parameters,
        base_parameters=cohort.base_parameters,
        generators=(),
        state={},
        layout=cohort.layout,
        _trait_gradient=audit_gradient,
    )


def _gradients(cohort: Cohort, calls: HookCalls, step: Step) -> tuple[Tensor, Tensor, Tensor]:
    """The raw loss, its gradient, and the gradient that the mitigation makes of it."""
    parameters = step.student_parameters
    student_logits = model.forward(cohort.layout, parameters, step.images)
    raw_loss = distillation_kl(cohort.protocol, student_logits, step.teacher_logits)
    # Summed over students: each row of the gradient is its own student's.
    (raw_gradient,) = torch.autograd.grad(
        raw_loss.sum(), parameters, retain_graph=calls.change_the_loss
    )
    gradient = raw_gradient
    if calls.change_the_loss:
        gradient = calls.loss_gradient(raw_loss, raw_gradient, student_logits, step)
    return raw_loss.detach(), raw_gradient, calls.gradient(gradient, step)


@dataclass(frozen=True)
class _Record:
    """What is written down at every step, `[students, steps]` each."""

    series: dict[str, Tensor]
    altered: Tensor
    test_accuracy: list[Tensor]

    @staticmethod
    def empty(cohort: Cohort) -> "_Record":
        shape = (len(cohort.seeds), cohort.protocol.student_steps)
        series = {
            name: torch.full(shape, float("nan"), device=cohort.device) for name in STEP_CURVES
        }
        return _Record(series, torch.zeros(shape, dtype=torch.bool, device=cohort.device), [])

    def measure(
        self,
        cohort: Cohort,
        index: int,
        parameters: Tensor,
        raw_loss: Tensor,
        raw_gradient: Tensor,
        gradient: Tensor,
    ) -> None:
        """Alignment with the trait gradient on the whole audit set, before and after."""
        trait_loss, trait = cohort.trait_gradient(parameters)
        self.series["distill_loss"][:, index] = raw_loss
        self.series["trait_loss"][:, index] = trait_loss
        pre = inner_and_cosine(raw_gradient, trait)
        same = gradient is raw_gradient
        post = pre if same else inner_and_cosine(gradient, trait)
        for side, (inner, cosine) in (("pre", pre), ("post", post)):
            self.series[f"inner_{side}"][:, index] = inner
            self.series[f"cosine_{side}"][:, index] = cosine
        if not same:
            self.altered[:, index] = (gradient != raw_gradient).any(1)

    def curves(self) -> dict[str, Tensor]:
        """All curves by their names in `metrics.CURVES`, float32."""
        return self.series | {"test_accuracy": torch.stack(self.test_accuracy, 1).float()}
