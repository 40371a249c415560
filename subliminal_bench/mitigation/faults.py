"""Faults in what a hook returns, and the error lines for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from subliminal_bench.errors import Advice, HookError, NotFiniteError
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.experiment.tensors import finite_rows
from subliminal_bench.mitigation.hooks import Step, Training


def failure(
    name: str,
    hook: str,
    view: Training,
    what: str,
    seeds: Sequence[int] | None = None,
    kind: type[HookError] = HookError,
    advice: Advice = (),
) -> HookError:
    """A hook's mistake in one line: mitigation, hook, seeds (all by default) and step."""
    step = f", step {view.index}" if isinstance(view, Step) else ""
    concerned = seeds_phrase(view.seeds if seeds is None else seeds)
    return kind(f"{name}: hook {hook}, {concerned}{step}: {what}", *advice)


# A loss that differs by less was only computed in another order.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Fault:
    """What is wrong with a loss, and for which seeds."""

    what: str
    seeds: Sequence[int]
    kind: type[HookError] = HookError


def differentiated(loss: Tensor, sound: Tensor, step: Step) -> Tensor | Fault:
    """The gradient of a loss over the parameters, or the fault that prevents one."""
    try:
        (gradient,) = torch.autograd.grad(
            loss.sum(), step.student_parameters, retain_graph=True
        )
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        return Fault(f"returned a loss that has no gradient: {reason}", step.seeds)
    bad = ~finite_rows(gradient) & sound
    if bad.any():
        what = "returned a loss whose gradient is not finite"
        return Fault(what, picked(step, bad), NotFiniteError)
    return gradient


def without_gradient(returned: Tensor, loss: Tensor, given: Tensor, step: Step) -> Fault | None:
    """The fault of a loss that has no gradient, or of a penalty in it that has none.

    Args:
        returned: by a hook, `[students]`.
        loss: the tensor behind what the hook was given.
        given: its values.
        step: the current step.
    """
    if reaches(returned, step.student_parameters, loss):
        return None
    how = (
        "compute it from loss, student_logits or step.student_parameters, without detach(), "
        "item() or no_grad()"
    )
    if not reaches(returned, step.student_parameters):
        return Fault(f"returned a loss detached from the graph: {how}", step.seeds)
    # It depends on nothing but the loss, so it may only scale it.
    values = returned.detach()
    added = (values - given).abs() > _ROUNDING * given.abs()
    if added.any():
        (slope,) = torch.autograd.grad(returned.sum(), loss, retain_graph=True)
        only_added = added & (slope == 1)
        if only_added.any():
            what = f"added to the loss a penalty that has no gradient: {how}"
            return Fault(what, picked(step, only_added))
    return None


def reaches(loss: Tensor, leaf: Tensor, around: Tensor | None = None) -> bool:
    """Whether the graph behind a loss leads to a leaf, without passing another tensor."""
    seen, waiting = {around.grad_fn if around is not None else None}, [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        if getattr(node, "variable", None) is leaf:
            return True
        seen.add(node)
        waiting += [following for following, _ in node.next_functions]
    return False


def picked(view: Training, rows: Tensor) -> list[int]:
    """The seeds whose rows are true."""
    return [seed for seed, row in zip(view.seeds, rows.tolist(), strict=True) if row]


def fresh_faults(returned: Tensor, given: Tensor) -> Tensor | None:
    """Bool `[students]`: whether infinities or nans are new; None if no student has any."""
    bad = ~finite_rows(returned)
    # The input is read only if necessary, because reading a tensor at every step takes time.
    if not bad.any():
        return None
    found = bad & finite_rows(given)
    return found if found.any() else None
