"""What can be wrong with what a hook returns, and the line that says so."""

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
    """A hook's mistake in one line: whose, which hook, which seeds (all if left out), when."""
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
    """The gradient of a loss over the parameters, or what keeps it from having one."""
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
    """The seeds of the rows that are true."""
    return [seed for seed, row in zip(view.seeds, rows.tolist(), strict=True) if row]


def fresh_faults(returned: Tensor, given: Tensor) -> Tensor | None:
    """Bool `[students]`: who has numbers that are not finite and had none; None for nobody."""
    bad = ~finite_rows(returned)
    # Asked for where it matters only: to read a tensor once more takes its time at every step.
    found = bad & finite_rows(given) if bad.any() else bad
    return found if found.any() else None
