"""Two seeds trained with a mitigation: the same bits, or one line about its mistake."""

import pytest
import torch
from torch import Tensor

from subliminal_bench.errors import HookError
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.student import train_students
from tests.support.plugins_for_tests import one_line, plugin

NAN = float("nan")
BASELINE = Mitigation((plugin("baseline"),))


def refused(cohort: Cohort, what: Mitigation) -> str:
    with pytest.raises(HookError) as caught:
        train_students(cohort, what)
    return one_line(caught.value)


def same(first: Outcome, second: Outcome) -> bool:
    """Bit for bit the same numbers."""
    return (
        (first.seed, first.metrics, first.diverged_at)
        == (second.seed, second.metrics, second.diverged_at)
    ) and all(
        torch.equal(first.curves[name].nan_to_num(), second.curves[name].nan_to_num())
        for name in first.curves
    )


def row_of_seed_2(values: Tensor, factor: float) -> Tensor:
    """A factor for seed 2's row of a cohort of seeds 1 and 2, and 1 for seed 1's."""
    return torch.tensor([1.0, factor]).view(2, *[1] * (values.dim() - 1))
