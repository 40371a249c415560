"""Process-wide torch settings that affect numbers, fixed during the experiment.

A notebook, a conftest or a plugin may set torch's default dtype or device, switch gradients
off, allow rounded products, or leave a mode entered. None of that may change a result. So all
code that computes numbers runs with these settings pinned, and afterwards the process gets its
own settings back.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import (
    _disable_current_modes,
    _get_current_dispatch_mode_stack,
    _pop_mode,
)

_CPU = torch.device("cpu")
# The parts of torch with a float32 precision of their own, and those they inherit it from.
_ROUNDING: tuple[Any, ...] = (
    torch.backends,
    torch.backends.mkldnn,
    getattr(torch.backends.mkldnn, "matmul", None),
    torch.backends.cuda.matmul,
)
_DENORMAL = np.float32(1e-40)

State = dict[str, Any]


@dataclass(frozen=True)
class _Switch:
    """One setting that can be read, and set to any value that was read."""

    read: Callable[[], Any]
    write: Callable[[Any], None]
    pinned: Any
    # Whether a value computes like the pinned one.
    harmless: Callable[[Any], bool] | None = None


def _deterministic() -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _set_deterministic(value: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(value[0], warn_only=value[1])


def _set_gradient_mode(value: bool) -> None:
    torch.set_grad_enabled(value)


def _flushes_denormals() -> bool:
    """Found by a product, because torch cannot be asked; numpy's, because no mode sees it."""
    return bool(_DENORMAL * np.float32(1) == 0)


def _set_flushing(value: bool) -> None:
    torch.set_flush_denormal(value)


def _precision() -> tuple[str | None, ...]:
    try:
        whole: str | None = torch.get_float32_matmul_precision()
    except RuntimeError:
        # torch refuses to answer if the precision of parts was set one by one.
        whole = None
    return whole, *(getattr(part, "fp32_precision", None) for part in _ROUNDING)


def _set_precision(value: tuple[str | None, ...]) -> None:
    whole, *parts = value
    torch.set_float32_matmul_precision(whole or "highest")
    for part, wanted in zip(_ROUNDING, parts, strict=True):
        if wanted is not None and part.fp32_precision != wanted:
            part.fp32_precision = wanted


def _is_full(value: tuple[str | None, ...]) -> bool:
    """Whether no part may round; `none` inherits, in the end from full precision."""
    return set(value) <= {None, "highest", "none", "ieee"} and value[0] is not None


def _autocasting() -> tuple[bool, bool]:
    return torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")


def _set_autocasting(value: tuple[bool, bool]) -> None:
    for device, enabled in zip(("cpu", "cuda"), value, strict=True):
        torch.set_autocast_enabled(device, enabled)


def _onednn() -> bool:
    enabled: bool = torch._C._get_mkldnn_enabled()
    return enabled


def _set_onednn(value: bool) -> None:
    torch._C._set_mkldnn_enabled(value)


_SWITCHES: dict[str, _Switch] = {
    "default dtype": _Switch(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    "gradient mode": _Switch(torch.is_grad_enabled, _set_gradient_mode, True),
    "deterministic algorithms": _Switch(_deterministic, _set_deterministic, (False, False)),
    "float32 precision": _Switch(
        _precision, _set_precision, ("highest", None, None, None, None), _is_full
    ),
    "autocasting": _Switch(_autocasting, _set_autocasting, (False, False)),
    "use of oneDNN": _Switch(_onednn, _set_onednn, True),
    "flushing of denormal numbers": _Switch(_flushes_denormals, _set_flushing, False),
}


def read_state() -> State:
    """The value of every setting, by its name in words; equal states compute alike."""
    return {
        **{name: switch.read() for name, switch in _SWITCHES.items()},
        "default device": torch.get_default_device(),
        "function modes": _get_current_function_mode_stack(),
        "dispatch modes": _get_current_dispatch_mode_stack(),
        "inference mode": torch.is_inference_mode_enabled(),
    }


def restore_state(state: State) -> list[str]:
    """Set everything back to a state that was read before, except for inference mode.

    Only the code that entered inference mode can leave it.

    Returns:
        The names of the settings that had changed.

    >>> before = read_state()
    >>> torch.set_default_dtype(torch.float64)
    >>> restore_state(before), torch.get_default_dtype()
    (['default dtype'], torch.float32)
    """
    now = read_state()
    changed = [name for name, value in state.items() if now[name] != value]
    for name in changed:
        if name in _SWITCHES:
            _SWITCHES[name].write(state[name])
    if "default device" in changed:
        device = state["default device"]
        torch.set_default_device(None if device == _CPU else device)
    # Modes that were entered and never left; the default device is one of them.
    while len(_get_current_function_mode_stack()) > len(state["function modes"]):
        torch._C._pop_torch_function_stack()
    while len(_get_current_dispatch_mode_stack()) > len(state["dispatch modes"]):
        _pop_mode()
    return [name for name in changed if name != "function modes"] or changed


@contextmanager
def pinned_torch() -> Iterator[list[str]]:
    """Settings that affect numbers have fixed values inside the context; also a decorator.

    Yields:
        What had to be overridden, in words, such as `default dtype torch.float64`.

    >>> torch.set_default_dtype(torch.float64)
    >>> with pinned_torch() as overridden:
    ...     overridden, torch.ones(1).dtype
    (['default dtype torch.float64'], torch.float32)
    >>> torch.get_default_dtype()
    torch.float64
    >>> torch.set_default_dtype(torch.float32)
    """
    overridden: list[str] = []
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
            overridden.append("inference mode")
        if _get_current_dispatch_mode_stack():
            stack.enter_context(_disable_current_modes())
            overridden.append("a dispatch mode")
        if _get_current_function_mode_stack():
            device = torch.get_default_device()
            stack.enter_context(torch._C.DisableTorchFunction())
            overridden.append(
                "a function mode" if device == _CPU else f"default device {device}"
            )
        for name, switch in _SWITCHES.items():
            before = switch.read()
            if not (switch.harmless(before) if switch.harmless else before == switch.pinned):
                switch.write(switch.pinned)
                stack.callback(switch.write, before)
                overridden.append(f"{name} {_in_words(before)}".rstrip())
        yield overridden


def _in_words(value: object) -> str:
    """A setting's value; of several parts nothing, because they would not be understood."""
    return "" if isinstance(value, tuple) else str(value)
