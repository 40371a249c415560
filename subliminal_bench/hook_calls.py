"""Calling a mitigation's hooks, and checking what comes back.

A hook's mistake ends the run with the hook, the seeds and the step in one line. A student
that has diverged by itself is no hook's mistake: its rows are not checked.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb
from typing import Any

import torch
from torch import Tensor

from subliminal_bench import seeds as seed_text
from subliminal_bench.errors import BenchmarkError, HookError
from subliminal_bench.hooks import Step
from subliminal_bench.mitigations import Mitigation, Plugin


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

    def loss(self, loss: Tensor, student_logits: Tensor, step: Step) -> Tensor:
        """Pass the loss `[students]` through every `distill_loss` in turn."""
        for worker in self._workers:
            if worker.implements("distill_loss"):
                loss = worker.loss(loss, student_logits, step)
        return loss

    def cut_off(self, step: Step) -> HookError:
        """The error for a loss that no parameter has a part in."""
        last = [worker for worker in self._workers if worker.implements("distill_loss")][-1]
        return last.cut_off(step)

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
        self._state: dict[str, Any] = {}
        self._generators = tuple(
            _generator(f"{plugin.card.name}/{position}/{seed}") for seed in seeds
        )

    def implements(self, hook: str) -> bool:
        return hook in self._plugin.hooks

    def loss(self, loss: Tensor, student_logits: Tensor, step: Step) -> Tensor:
        given = loss.detach()
        returned: Tensor = self._call(
            "distill_loss",
            step,
            loss=loss,
            student_logits=student_logits,
            teacher_logits=step.teacher_logits,
        )
        self._check("distill_loss", returned, given, step, "[students]")
        if not returned.requires_grad:
            raise self.cut_off(step)
        return returned

    def cut_off(self, step: Step) -> HookError:
        return self._error(
            "distill_loss",
            step,
            step.seeds,
            "returned a loss cut off from the graph: compute it from loss, student_logits "
            "or step.student_parameters, without detach(), item() or no_grad()",
        )

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
        # pluggy wants every argument of the specification; the hook names those it needs.
        try:
            return caller(**arguments, step=view)
        except HookError as error:
            raise self._error(hook, step, step.seeds, f"failed: {error}") from error
        except BenchmarkError:
            raise
        except Exception as error:
            text = str(error).strip().splitlines()
            frame = extract_tb(error.__traceback__)[-1]
            raise self._error(
                hook,
                step,
                step.seeds,
                f"failed: {type(error).__name__}: {text[0] if text else ''} "
                f"({Path(frame.filename).name}, line {frame.lineno})",
            ) from error

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
            seeds = [seed for seed, row in zip(step.seeds, bad.tolist(), strict=True) if row]
            raise self._error(hook, step, seeds, "returned values that are not finite")

    def _error(self, hook: str, step: Step, seeds: Sequence[int], what: str) -> HookError:
        noun = "seed" if len(seeds) == 1 else "seeds"
        return HookError(
            f"{self._plugin.card.name}: hook {hook}, {noun} {seed_text.describe(seeds)}, "
            f"step {step.index}: {what}"
        )


def _finite_rows(values: Tensor) -> Tensor:
    return (
        torch.isfinite(values.detach()).flatten(1).all(1)
        if values.dim() > 1
        else (torch.isfinite(values.detach()))
    )


def _generator(name: str) -> torch.Generator:
    """A generator of a plugin's own for each seed, unrelated to the protocol's streams."""
    digest = hashlib.sha256(name.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
