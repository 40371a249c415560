"""What a mitigation must leave alone: the harness, files, global state."""

import builtins
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

from subliminal_bench.experiment.torch_state import read_state

_PACKAGE = "subliminal_bench"
# Where a loss, a gradient or an optimiser could be replaced, besides in this package.
_OUTSIDE: tuple[object, ...] = (
    torch,
    torch.autograd,
    torch.linalg,
    torch.nn.functional,
    torch.optim.Adam,
    torch.optim.Optimizer,
    torch.Tensor,
)
_CODE = {".py", ".pyc", ".so", ".pyd", ".dll", ".pth"}


class Harness:
    """The functions and classes that make up the experiment, as they are now."""

    def __init__(self) -> None:
        self._known = {
            (id(holder), name): (holder, value)
            for holder in _holders()
            for name, value in list(vars(holder).items())
            if _is_code(value)
        }

    def changed(self) -> list[str]:
        """The names that were replaced; their original values are restored."""
        found = []
        for (_, name), (holder, value) in self._known.items():
            if vars(holder).get(name) is not value:
                found.append(f"{getattr(holder, '__name__', holder)}.{name}")
                setattr(holder, name, value)
        return sorted(found)


def _holders() -> Iterator[Any]:
    """Modules and classes of this package, and those on which it relies."""
    yield from _OUTSIDE
    for name, module in list(sys.modules.items()):
        if name == _PACKAGE or name.startswith(f"{_PACKAGE}."):
            yield module
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__.startswith(_PACKAGE):
                    yield value


def _is_code(value: object) -> bool:
    return callable(value) or isinstance(
        value, FunctionType | ModuleType | property | staticmethod | classmethod
    )


class _Opened:
    """Files opened while it is watching; an audit hook cannot be removed again."""

    def __init__(self) -> None:
        self.watching = False
        self.hooked = False
        self.found: set[str] = set()

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watching:
            return
        if event == "open" and isinstance(arguments[0], str | bytes):
            name = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode()
            if Path(name).suffix not in _CODE and not name.startswith(("/proc/", "/sys/")):
                self.found.add(Path(name).name)
        elif event in ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.fork"):
            self.found.add(event)


_opened = _Opened()


@contextmanager
def opened_files() -> Iterator[set[str]]:
    """The names of the data files, connections and processes opened inside the context."""
    if not _opened.hooked:
        sys.addaudithook(_opened.hook)
        _opened.hooked = True
    _opened.found = set()
    _opened.watching = True
    try:
        yield _opened.found
    finally:
        _opened.watching = False


def global_generators() -> dict[str, object]:
    """The states of the global random generators."""
    return {
        "torch's global generator": torch.get_rng_state().numpy().tobytes(),
        "numpy's global generator": repr(np.random.get_state()),
        "Python's global generator": random.getstate(),
    }


def global_state() -> dict[str, object]:
    """State on which other code relies: generators, torch's settings, threads, builtins."""
    return {
        **global_generators(),
        **read_state(),
        "the number of threads": torch.get_num_threads(),
        "the builtins": frozenset(vars(builtins)),
    }


@contextmanager
def other_global_seeds(seed: int) -> Iterator[None]:
    """Reseed the global generators inside the context: no result may depend on them."""
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])
        random.setstate(kept[2])
