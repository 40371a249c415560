"""Cells of a notebook, run as a notebook runs them: one after another, in one namespace."""

import itertools
import linecache
import sys
from types import ModuleType
from typing import Any

_numbers = itertools.count(1)


class Notebook:
    """Runs cells; Python keeps their source for tracebacks, as it does in a notebook."""

    def __init__(self) -> None:
        self.module = ModuleType(f"notebook_{next(_numbers)}")
        sys.modules[self.module.__name__] = self.module

    def run(self, source: str) -> dict[str, Any]:
        """Run a cell and return all names there are by then."""
        filename = f"<cell-{next(_numbers)}>"
        lines = source.splitlines(keepends=True)
        linecache.cache[filename] = (len(source), None, lines, filename)
        names: dict[str, Any] = vars(self.module)
        exec(compile(source, filename, "exec"), names)
        return names
