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


def picked(view: Training, rows: Tensor) -> list[int]:
    """The seeds whose rows are true."""
    return [seed for seed, row in zip(view.seeds, rows.tolist(), strict=True) if row]


def fresh_faults(returned: Tensor, given: Tensor) -> Tensor | None:
    """Bool `[students]`: whether infinities or nans are new; None if no student has any."""
    bad = ~finite_rows(returned)
    # The input is read only if necessary, because reading a tensor at every step takes time.
    found = bad & finite_rows(given) if bad.any() else bad
    return found if found.any() else None
