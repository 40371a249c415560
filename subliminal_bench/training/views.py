"""The views of a cohort that hooks get: the `Training` of a run and the `Step` of a batch."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from subliminal_bench.experiment.tensors import own_rows
from subliminal_bench.mitigation.card import Access, Settings, includes
from subliminal_bench.mitigation.hooks import Step, Training, withheld
from subliminal_bench.training.cohort import Cohort


def training_view(cohort: Cohort, shown_seeds: tuple[int, ...] | None = None) -> Training:
    """What stays the same from the first step to the last.

    Args:
        cohort: the students.
        shown_seeds: the seed numbers that mitigations see, if they differ from the true ones.
    """
    protocol = cohort.protocol
    return Training(
        steps=protocol.student_steps,
        epochs=protocol.student_epochs,
        seeds=shown_seeds or cohort.seeds,
        settings=Settings({}),
        base_parameters=cohort.base_parameters,
        generators=(),
        state={},
        layout=cohort.layout,
    )


def step_view(
    cohort: Cohort,
    training: Training,
    parameters: Tensor,
    batch: Tensor,
    index: int,
    epoch: int,
    trait_gradient: Callable[[bool], Tensor],
    access: Access,
) -> Step:
    """One step, which holds no more than a mitigation of this access level may see.

    Args:
        cohort: the students.
        training: of the cohort.
        parameters: of the students before the step, `[students, parameters]`.
        batch: indices of the noise images, int64 `[students, batch]`.
        index: of the step.
        epoch: of the step.
        trait_gradient: computes what `Step.trait_gradient` returns; see there.
        access: of the mitigation.
    """
    more: dict[str, Any] = {"_trait_gradient": trait_gradient}
    if includes(access, "teacher-classes"):
        more["_teacher_logits"] = own_rows(cohort.teacher_logits, batch)
    return Step(
        **vars(training),
        index=index,
        epoch=epoch,
        images=own_rows(cohort.noise, batch),
        auxiliary_logits=own_rows(cohort.auxiliary_logits, batch),
        base_logits=own_rows(cohort.base_logits, batch),
        student_parameters=parameters,
        **(more | withheld(access)),
    )
