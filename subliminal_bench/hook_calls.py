"""Calling a mitigation's hooks, and checking what comes back.

A hook's mistake ends the run with the hook, the seeds and the step in one line. A student
that has diverged by itself is no hook's mistake: its rows are not checked.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import FrameSummary, extract_tb
from typing import Any

import torch
from torch import Tensor

from subliminal_bench import seeds as seed_text
from subliminal_bench.errors import BenchmarkError, HookError
from subliminal_bench.hooks import Step
from subliminal_bench.mitigations import Mitigation, Plugin

# What a hook may look at and only the harness changes.
_NEVER_CHANGED = (
    "student_parameters",
    "base_parameters",
    "images",
    "teacher_logits",
    "base_logits",
)


class HookCalls:
    """A mitigation at work on one cohort: its plugins' state and random generators.

    Args:
        mitigation: whose hooks.
        seeds: the cohort's seeds.
    """

    def __init__(self, mitigation: Mitigation, seeds: tuple[int, ...]) -> None:
        self._workers = [
            _Worker(plugin, position, seeds)
            for position, plugin in enumerate(mitigation.plugins)
        ]

    @property
    def change_the_loss(self) -> bool:
        """Whether any plugin implements `distill_loss`."""
        return any(worker.implements("distill_loss") for worker in self._workers)

    def loss_gradient(
        self, loss: Tensor, raw_gradient: Tensor, student_logits: Tensor, step: Step
    ) -> Tensor:
        """Pass the loss `[students]` through every `distill_loss` in turn; differentiate it.

        Returns:
            `[students, parameters]`.
        """
        made: list[tuple[_Worker, Tensor]] = []
        for worker in self._workers:
            if worker.implements("distill_loss"):
                loss = worker.loss(loss, student_logits, step)
                made.append((worker, loss))
        gradient = _differentiated(loss, raw_gradient, step)
        if isinstance(gradient, Tensor):
            return gradient
        # Which of them was it? The first whose own loss has a fault.
        for worker, own in made:
            fault = _differentiated(own, raw_gradient, step)
            if isinstance(fault, _Fault):
                raise worker.loss_fault(fault, step)
        raise made[-1][0].loss_fault(gradient, step)

    def gradient(self, gradient: Tensor, step: Step) -> Tensor:
        """Pass the gradient `[students, parameters]` through every `distill_gradient`."""
        for worker in self._workers:
            if worker.implements("distill_gradient"):
                gradient = worker.gradient(gradient, step)
        return gradient


class _Worker:
    """One plugin with what it keeps during a run."""

    def __init__(self, plugin: Plugin, position: int, seeds: Sequence[int]) -> None:
        self._plugin = plugin
        # Asked for at every step.
        self._hooks = plugin.hooks
        self._state: dict[str, Any] = {}
        self._generators = tuple(
            _generator(f"{plugin.card.name}/{position}/{seed}") for seed in seeds
        )

    def implements(self, hook: str) -> bool:
        return hook in self._hooks

    def loss(self, loss: Tensor, student_logits: Tensor, step: Step) -> Tensor:
        given = loss.detach()
        # A copy: `loss += ...` must not change the raw loss that is measured.
        loss = loss.clone()
        returned: Tensor = self._call(
            "distill_loss",
            step,
            loss=loss,
            student_logits=student_logits,
            teacher_logits=step.teacher_logits,
        )
        self._check("distill_loss", returned, given, step, "[students]")
        if not _reaches(returned, step.student_parameters):
            raise self._error(
                "distill_loss",
                step,
                step.seeds,
                "returned a loss cut off from the graph: compute it from loss, student_logits "
                "or step.student_parameters, without detach(), item() or no_grad()",
            )
        return returned

    def loss_fault(self, fault: "_Fault", step: Step) -> HookError:
        return self._error("distill_loss", step, fault.seeds, fault.what)

    def gradient(self, gradient: Tensor, step: Step) -> Tensor:
        with torch.no_grad():
            arguments = {"gradient": gradient.clone()}
            returned: Tensor = self._call("distill_gradient", step, **arguments)
        self._check("distill_gradient", returned, gradient, step, "[students, parameters]")
        return returned.detach()

    def _call(self, hook: str, step: Step, **arguments: Any) -> Any:
        plugin = self._plugin
        blind = plugin.card.access == "blind"
        view = replace(
            step,
            settings=plugin.settings,
            state=self._state,
            generators=self._generators,
            _trait_gradient=None if blind else step._trait_gradient,
        )
        caller: Callable[..., Any] = getattr(plugin.manager.hook, hook)
        kept = {name: getattr(step, name) for name in _NEVER_CHANGED}
        versions = {name: tensor._version for name, tensor in kept.items()}
        try:
            returned = caller(**arguments, step=view)
        except HookError as error:
            raise self._error(hook, step, step.seeds, f"failed: {error}") from error
        except BenchmarkError:
            raise
        except Exception as error:
            text = str(error).strip().splitlines()
            frame = _authors_frame(extract_tb(error.__traceback__), plugin.path)
            raise self._error(
                hook,
                step,
                step.seeds,
                f"failed: {type(error).__name__}: {text[0] if text else ''} "
                f"({Path(frame.filename).name}, line {frame.lineno})",
            ) from error
        for name, tensor in kept.items():
            if tensor._version != versions[name]:
                raise self._error(
                    hook, step, step.seeds, f"changed step.{name} in place: work on a clone"
                )
        return returned

    def _check(self, hook: str, returned: Any, given: Tensor, step: Step, shape: str) -> None:
        if not isinstance(returned, Tensor):
            forgotten = "; have you forgotten its return?" if returned is None else ""
            kind = "None" if returned is None else type(returned).__name__
            raise self._error(
                hook, step, step.seeds, f"returned {kind}, not a tensor {shape}{forgotten}"
            )
        for what, got, expected in (
            ("shape", list(returned.shape), list(given.shape)),
            ("dtype", returned.dtype, given.dtype),
            ("device", returned.device, given.device),
        ):
            if got != expected:
                raise self._error(
                    hook,
                    step,
                    step.seeds,
                    f"returned {what} {got}; it must be {expected}, {shape}",
                )
        bad = ~_finite_rows(returned) & _finite_rows(given)
        if bad.any():
            raise self._error(
                hook, step, _picked(step, bad), "returned values that are not finite"
            )

    def _error(self, hook: str, step: Step, seeds: Sequence[int], what: str) -> HookError:
        return HookError(
            f"{self._plugin.card.name}: hook {hook}, {seed_text.phrase(seeds)}, "
            f"step {step.index}: {what}"
        )


def _authors_frame(frames: Sequence[FrameSummary], path: Path | None) -> FrameSummary:
    """The innermost frame in the mitigation's own file, else the innermost one."""
    own = [frame for frame in frames if path and Path(frame.filename).resolve() == path]
    return own[-1] if own else frames[-1]


@dataclass(frozen=True)
class _Fault:
    """What is wrong with a loss, and for which seeds."""

    what: str
    seeds: Sequence[int]


def _reaches(loss: Tensor, leaf: Tensor) -> bool:
    """Whether the graph behind a loss leads to a leaf."""
    seen, waiting = set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        if getattr(node, "variable", None) is leaf:
            return True
        seen.add(node)
        waiting += [following for following, _ in node.next_functions]
    return False


def _differentiated(loss: Tensor, raw_gradient: Tensor, step: Step) -> Tensor | _Fault:
    """The gradient of a loss over the parameters, or what keeps it from having one."""
    try:
        (gradient,) = torch.autograd.grad(
            loss.sum(), step.student_parameters, retain_graph=True
        )
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        return _Fault(f"returned a loss that has no gradient: {reason}", step.seeds)
    bad = ~_finite_rows(gradient) & _finite_rows(raw_gradient)
    if bad.any():
        return _Fault("returned a loss whose gradient is not finite", _picked(step, bad))
    return gradient


def _picked(step: Step, rows: Tensor) -> list[int]:
    """The seeds of the rows that are true."""
    return [seed for seed, row in zip(step.seeds, rows.tolist(), strict=True) if row]


def _finite_rows(values: Tensor) -> Tensor:
    finite = torch.isfinite(values.detach())
    return finite.flatten(1).all(1) if finite.dim() > 1 else finite


def _generator(name: str) -> torch.Generator:
    """A generator of a plugin's own for each seed, unrelated to the protocol's streams."""
    digest = hashlib.sha256(name.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
