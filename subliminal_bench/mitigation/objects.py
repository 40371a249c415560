"""A mitigation as a user gives it: a name, a path, or a Python object.

For an object, only its source is run again: the source of its file, or of the notebook cell
that defines it. So the hashed source is exactly what runs, as with a file. The object itself
could also depend on other cells or on its own state, which no hash of a source would show.
"""

import inspect
import linecache
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.hooks import PROJECT
from subliminal_bench.mitigation.loading import Found

MitigationSpec = str | os.PathLike[str] | ModuleType | type | Callable[..., object]

_running: ContextVar[frozenset[str]] = ContextVar("_running", default=frozenset())


def find(spec: MitigationSpec | Sequence[MitigationSpec]) -> list[tuple[str, Found]]:
    """The mitigations of a specification, each with its name for messages.

    Args:
        spec: a name as `loading.find` takes it, several of them joined by `+`; a path; a
            module; a class; a `mitigation` function; or a list of these.

    Raises:
        MitigationError: a mitigation does not exist, or it cannot be loaded.

    >>> [name for name, _ in find(["liminal", "projection"])]
    ['liminal', 'projection']
    """
    if isinstance(spec, list | tuple):
        if not spec:
            raise MitigationError("no mitigation is given: the list is empty")
        if any(isinstance(part, list | tuple) for part in spec):
            raise MitigationError("a list of mitigations must not contain another list")
        return [one for part in spec for one in find(part)]
    if isinstance(spec, str):
        return [(part, loading.find(part)) for part in loading.parts(spec)]
    if isinstance(spec, os.PathLike):
        # A plus in a path is part of the path.
        return [(os.fspath(spec), loading.find(os.fspath(spec)))]
    name, attribute, filename = _origin(spec)
    with _not_within_itself(name, filename):
        source = _source(name, filename)
        module = sys.modules.get(str(getattr(spec, "__module__", None) or name))
        package = getattr(module, "__package__", None)
        found = loading.execute(source, Path(filename), attribute, name, package)
    return [(name, found)]


def _origin(thing: object) -> tuple[str, str, str]:
    """An object's name for messages, its name in its file, and its file or cell."""
    if isinstance(thing, ModuleType):
        if not getattr(thing, "__file__", None):
            raise MitigationError(
                f"module {thing.__name__} has no file: give the class or the function "
                "`mitigation` that its cell defines"
            )
        return thing.__name__, "", str(thing.__file__)
    if inspect.isfunction(thing):
        functions, attribute = [thing], ""
    elif inspect.isclass(thing):
        attribute = thing.__qualname__
        functions = [one for one in vars(thing).values() if inspect.isfunction(one)]
    else:
        raise MitigationError(
            f"an object of {type(thing).__qualname__} is not a mitigation: give its class, and "
            "declare the arguments that it was created with as parameters on its card"
        )
    name = thing.__qualname__
    if "." in name:
        raise MitigationError(f"{name} is nested: define it at the top level of a file or cell")
    for function in functions:
        if hasattr(function, f"{PROJECT}_impl"):
            return name, attribute, function.__code__.co_filename
    raise MitigationError(f"{name} contains no function that is marked with @hookimpl")


def _source(name: str, filename: str) -> bytes:
    """The bytes of a file; for a cell, the text that Python keeps for tracebacks."""
    if loading.is_file(filename):
        return Path(filename).read_bytes()
    text = "".join(linecache.getlines(filename))
    if not text:
        raise MitigationError(
            f"the source of {name} is not available: write it to a .py file and give that file"
        )
    return text.encode()


@contextmanager
def _not_within_itself(name: str, filename: str) -> Iterator[None]:
    """Refuse a source that runs itself again when it is run as a mitigation."""
    if filename in _running.get():
        raise MitigationError(
            f"the cell or script that defines {name} also runs it, and would run itself again: "
            "run the mitigation from another cell, or under if __name__ == '__main__'"
        )
    before = _running.set(_running.get() | {filename})
    try:
        yield
    except MitigationError as error:
        if isinstance(error.__cause__, NameError) and not loading.is_file(filename):
            raise MitigationError(
                f"{error}; a cell is treated as a file: it must import and define all it uses"
            ) from error
        raise
    finally:
        _running.reset(before)
