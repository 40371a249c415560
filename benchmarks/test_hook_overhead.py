"""What hooks that change nothing cost a step.

Their calls and checks, the gradient of the returned loss, and the alignment after the hooks.
"""

from torch import Tensor

from benchmarks.canonical import PROTOCOL, steps_of
from benchmarks.conftest import Compare
from subliminal_bench.cohort import Cohort
from tests.plugins_for_tests import mitigation


def same_loss(loss: Tensor) -> Tensor:
    return loss


def same_gradient(gradient: Tensor) -> Tensor:
    return gradient


def test_identity_hooks_at_every_step(compare: Compare, cohort: Cohort) -> None:
    compare(
        "step without / with both hooks",
        reference=steps_of(cohort, mitigation()),
        ours=steps_of(
            cohort, mitigation(distill_loss=same_loss, distill_gradient=same_gradient)
        ),
        rounds=6,
        steps=PROTOCOL.student_steps,
        adds="identity hooks add to a step",
    )
