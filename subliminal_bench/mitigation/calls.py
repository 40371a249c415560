"""Calling a mitigation's hooks, and checking what they return.

A hook's mistake ends the run with one line that names the hook, the seeds and the step. If a
student diverged without a hook's fault, its rows are not checked.
"""

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from traceback import FrameSummary, extract_tb
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from subliminal_bench.errors import (
    BenchmarkError,
    ChangedInputError,
    HookError,
    NotFiniteError,
    SurroundingsError,
)
from subliminal_bench.experiment.tensors import copied, finite_rows, first_different
from subliminal_bench.experiment.torch_state import read_state, restore_state
from subliminal_bench.mitigation.card import ACCESS_LEVELS
from subliminal_bench.mitigation.faults import (
    Fault,
    differentiated,
    failure,
    fresh_faults,
    picked,
    without_gradient,
)
from subliminal_bench.mitigation.hooks import (
    PASSED,
    Step,
    Training,
    altered,
    step_tensors,
    withheld,
)
from subliminal_bench.mitigation.plugin import Plugin

# Compared by value too: writes through `.data` do not change a tensor's version.
_COMPARED = (
    "student_parameters",
    "base_parameters",
    "student_logits",
    "targets",
    "auxiliary_logits",
    "teacher_logits",
)


class RawGradient(NamedTuple):
    """The gradient of the loss against the teacher, before any mitigation.

    Attributes:
        at_logits: `[students, batch, logits]`.
        at_parameters: `[students, parameters]`; where it is not finite, the student diverged
            without a hook's fault.
    """

    at_logits: Tensor
    at_parameters: Tensor


class Calls(Protocol):
    """The hook calls of a mitigation on one cohort, as the trainer sees them.

    Every method raises `HookError` if a hook fails or returns something unusable.
    """

    def implement(self, hook: str) -> bool:
        """Whether any plugin implements a hook."""

    def passed(self, hook: str, value: Tensor, view: Training) -> Tensor:
        """Pass a value through every plugin's hook of one kind.

        Args:
            hook: one of `hooks.PASSED`.
            value: the value that the first plugin receives.
            view: the step, or the training for hooks that are called once per run.
        """

    def loss_gradient(
        self,
        loss: Tensor,
        raw: RawGradient,
        student_logits: Tensor,
        targets: Tensor,
        step: Step,
    ) -> Tensor:
        """The gradient of the loss after all plugins, `[students, parameters]`.

        Args:
            loss: `[students]`, against the targets.
            raw: of the loss against the teacher.
            student_logits: `[students, batch, logits]`.
            targets: `[students, batch, 3]`, auxiliary logits.
            step: the current step.
        """


class HookCalls:
    """The hook calls of a mitigation in this process, with its plugins' state and generators.

    Args:
        plugins: in the order in which their hooks act.
        training: of the cohort; every plugin gets its own settings, generators and state.
        seeds: the cohort's seeds, which determine the generators.
        originals: tensors that hooks are shown copies of, by name. What a hook was shown is
            compared with them; without an original, with a copy from before the call.
    """

    def __init__(
        self,
        plugins: Sequence[Plugin],
        training: Training,
        seeds: Sequence[int],
        originals: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.training = training
        self._plugins = [
            _PluginCalls(plugin, position, seeds, {} if originals is None else originals)
            for position, plugin in enumerate(plugins)
        ]

    def implement(self, hook: str) -> bool:
        """Whether any plugin implements a hook."""
        return any(one.implements(hook) for one in self._plugins)

    def passed(self, hook: str, value: Tensor, view: Training) -> Tensor:
        """Pass a value through every plugin's hook of one kind; see `Calls.passed`."""
        for one in self._plugins:
            if one.implements(hook):
                value = one.passed(hook, value, view)
        return value

    def handed_over(self, hook: str, value: Tensor, view: Training) -> Tensor:
        """The same for a caller that copies the value at once, and checks that it is finite."""
        *before, last = [one for one in self._plugins if one.implements(hook)]
        for one in before:
            value = one.passed(hook, value, view)
        return last.returned(hook, value, view, finite=False)

    def loss_gradient(
        self,
        loss: Tensor,
        raw: RawGradient,
        student_logits: Tensor,
        targets: Tensor,
        step: Step,
    ) -> Tensor:
        """Pass the loss through each plugin's `distill_loss` in turn, and differentiate it."""
        passed = self.loss(loss, student_logits, targets, step)
        return passed.gradient(finite_rows(raw.at_parameters), step)

    def loss(
        self, loss: Tensor, student_logits: Tensor, targets: Tensor, step: Step
    ) -> "PassedLoss":
        """Pass the loss `[students]` through each plugin's `distill_loss` in turn."""
        made: list[tuple[_PluginCalls, Tensor]] = []
        for one in self._plugins:
            if one.implements("distill_loss"):
                loss = one.loss(loss, student_logits, targets, step)
                made.append((one, loss))
        aimers = [one for one in self._plugins if one.implements("teacher_targets")]
        return PassedLoss(loss, tuple(made), aimers[-1] if aimers else None)


@dataclass(frozen=True)
class PassedLoss:
    """A loss `[students]` that was passed through the plugins.

    Attributes:
        value: the loss that the last plugin returned.
        made: each plugin with the loss that it returned, in order.
        aimer: the last plugin that changed the targets.
    """

    value: Tensor
    made: "tuple[tuple[_PluginCalls, Tensor], ...]"
    aimer: "_PluginCalls | None"

    def gradient(self, sound: Tensor, step: Step) -> Tensor:
        """Its gradient over the step's parameters, `[students, parameters]`.

        Args:
            sound: bool `[students]`: false if the student diverged without a hook's fault.
            step: the current step.

        Raises:
            HookError: the loss has no gradient, or its gradient is not finite.
        """
        gradient = differentiated(self.value, sound, step)
        if isinstance(gradient, Tensor):
            return gradient
        # Blame the first plugin whose own loss has a fault; if there is none, the targets.
        for plugin, own in self.made:
            fault = differentiated(own, sound, step)
            if isinstance(fault, Fault):
                raise plugin.fault("distill_loss", fault, step)
        if self.made:
            raise self.made[-1][0].fault("distill_loss", gradient, step)
        assert self.aimer, "a loss that no plugin changed has no fault"
        raise self.aimer.fault("teacher_targets", gradient, step)


class _PluginCalls:
    """One plugin with its state during a run."""

    def __init__(
        self,
        plugin: Plugin,
        position: int,
        seeds: Sequence[int],
        originals: Mapping[str, Tensor],
    ) -> None:
        self._plugin = plugin
        self._originals = originals
        # Cached because it is needed at every step.
        self._hooks = plugin.hooks
        self._state: dict[str, Any] = {}
        self._generators = tuple(
            _generator(f"{plugin.card.name}/{position}/{seed}") for seed in seeds
        )

    def implements(self, hook: str) -> bool:
        return hook in self._hooks

    def loss(self, loss: Tensor, student_logits: Tensor, targets: Tensor, step: Step) -> Tensor:
        given = loss.detach()
        own = loss.clone()
        returned: Tensor = self._call(
            "distill_loss",
            step,
            # A copy: `loss += ...` must not change the raw loss that is measured.
            loss=own.clone(),
            student_logits=student_logits,
            targets=targets,
        )
        self._check("distill_loss", returned, given, step, "[students]")
        without = without_gradient(returned, own, given, step)
        if without:
            raise self.fault("distill_loss", without, step)
        return returned

    def fault(self, hook: str, fault: "Fault", step: Step) -> HookError:
        return self._error(hook, step, fault.seeds, fault.what, fault.kind)

    def passed(self, hook: str, value: Tensor, view: Training) -> Tensor:
        """Pass a copy of a value through a hook, and check and copy what it returns."""
        returned = self.returned(hook, value, view)
        # A copy: the plugin may keep the tensor that it returned, and change it later.
        return value if returned is value else copied(returned)

    def returned(self, hook: str, value: Tensor, view: Training, finite: bool = True) -> Tensor:
        """What a hook returns for a copy of a value, checked; the value if it leaves that."""
        how = PASSED[hook]
        with torch.no_grad():
            returned = self._call(hook, view, **{how.argument: copied(value)})
        if returned is None and how.may_leave:
            return value
        self._check(hook, returned, value, view, how.shape, finite)
        changed: Tensor = returned
        return changed

    def _call(self, hook: str, view: Training, **arguments: Any) -> Any:
        plugin = self._plugin
        own: dict[str, Any] = {
            "settings": plugin.settings,
            "state": self._state,
            "generators": self._generators,
        }
        # Tensors that the hook may read and that only the harness may change.
        shared = ["base_parameters"]
        if isinstance(view, Step):
            # A composition's step may show more than this plugin declares, and never less.
            access = min(plugin.card.access, view.access, key=ACCESS_LEVELS.index)
            own |= withheld(access)
            # A step may lack its images until the hook looks at them.
            shared += [
                one for one in step_tensors(access) if one != "images" or one in vars(view)
            ]
        shown = altered(view, **own)
        caller: Callable[..., Any] = getattr(plugin.manager.hook, hook)
        where = "step" if isinstance(view, Step) else "training"
        # Of the arguments only the first is a copy: the others are shown to all plugins.
        kept: dict[str, Tensor] = dict(list(arguments.items())[1:])
        kept |= {f"{where}.{name}": getattr(shown, name) for name in shared}
        versions = {name: tensor._version for name, tensor in kept.items()}
        values = {
            name: copied(tensor) if original is None else original
            for name, tensor, original in (
                (name, tensor, self._originals.get(name.rpartition(".")[2]))
                for name, tensor in kept.items()
            )
            if name.rpartition(".")[2] in _COMPARED
        }
        state = read_state()
        try:
            with redirect_stdout(sys.stderr):
                returned = caller(**arguments, **{where: shown})
        except HookError as error:
            what = f"failed: {error}"
            raise self._error(hook, view, view.seeds, what, type(error)) from error
        except BenchmarkError:
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            text = str(error).strip().splitlines()
            frame = _authors_frame(extract_tb(error.__traceback__), plugin.path)
            raise self._error(
                hook,
                view,
                view.seeds,
                f"failed: {type(error).__name__}: {text[0] if text else ''} "
                f"({Path(frame.filename).name}, line {frame.lineno})",
            ) from error
        finally:
            changed = restore_state(state)
        if changed:
            what = f"changed torch's {', '.join(changed)}: change it back before you return"
            raise self._error(hook, view, view.seeds, what, SurroundingsError)
        if "images" not in shared and "images" in vars(shown):
            # They came during the call, and were new then.
            kept["step.images"], versions["step.images"] = vars(shown)["images"], 0
        rewritten = next(
            (name for name, tensor in kept.items() if tensor._version != versions[name]), None
        ) or first_different(
            {name: (kept[name].detach(), value) for name, value in values.items()}
        )
        if rewritten:
            what = f"changed {rewritten} in place: work on a clone"
            raise self._error(hook, view, view.seeds, what, ChangedInputError)
        return returned

    def _check(
        self,
        hook: str,
        returned: Any,
        given: Tensor,
        view: Training,
        shape: str,
        finite: bool = True,
    ) -> None:
        if type(returned) not in (Tensor, torch.nn.Parameter):
            forgotten = "; did you forget its return?" if returned is None else ""
            kind = "None" if returned is None else type(returned).__name__
            raise self._error(
                hook, view, view.seeds, f"returned {kind}, not a tensor {shape}{forgotten}"
            )
        for what, got, expected in (
            ("shape", list(returned.shape), list(given.shape)),
            ("dtype", returned.dtype, given.dtype),
            ("device", returned.device, given.device),
            ("layout", returned.layout, given.layout),
        ):
            if got != expected:
                raise self._error(
                    hook,
                    view,
                    view.seeds,
                    f"returned {what} {got}; it must be {expected}, {shape}",
                )
        bad = fresh_faults(returned, given) if finite else None
        if bad is not None:
            what = "returned values that are not finite"
            raise self._error(hook, view, picked(view, bad), what, NotFiniteError)

    def _error(
        self,
        hook: str,
        view: Training,
        seeds: Sequence[int],
        what: str,
        kind: type[HookError] = HookError,
    ) -> HookError:
        return failure(self._plugin.card.name, hook, view, what, seeds, kind)


def _authors_frame(frames: Sequence[FrameSummary], path: Path | None) -> FrameSummary:
    """The innermost frame in the mitigation's own file, else the innermost frame."""
    own = [frame for frame in frames if path and Path(frame.filename).resolve() == path]
    return own[-1] if own else frames[-1]


def _generator(name: str) -> torch.Generator:
    """A plugin's own generator for one seed, independent of the protocol's streams."""
    digest = hashlib.sha256(name.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
