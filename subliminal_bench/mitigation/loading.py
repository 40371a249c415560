"""Finding the object behind a plugin's name, and its source.

A plugin is a mitigation or, read the same way, a reader.
"""

import hashlib
import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from types import ModuleType

from subliminal_bench import shipped
from subliminal_bench.errors import (
    BenchmarkError,
    MitigationError,
    NoSuchMitigationError,
    ResultError,
)
from subliminal_bench.mitigation.builtin import MITIGATION, Kind, built_in_names
from subliminal_bench.mitigation.hooks import PROJECT
from subliminal_bench.mitigation.sources import MOST_BYTES, Sources, importable, read_sources
from subliminal_bench.untrusted.regular_file import read_bytes

ENTRY_POINT_GROUP = MITIGATION.group
# A module, and the name of an object in it.
_ENTRY_POINT = re.compile(r"[A-Za-z_][\w.]*(\s*:\s*[A-Za-z_][\w.]*)?")


@dataclass(frozen=True)
class Found:
    """A plugin object and its origin.

    Attributes:
        plugin: a module or an object with marked functions.
        sources: its file and the files that it imports from beside it, exactly as they ran.
        path: the file's absolute path; None if the module has no file.
        attribute: its name in the file, if the user chose one.
        module: the module's name, if it was imported.
    """

    plugin: object
    sources: Sources
    path: Path | None
    attribute: str
    module: str = ""


def installed_names(kind: Kind = MITIGATION) -> list[str]:
    """The names of the plugins of a kind that other installed packages provide.

    A name that a built-in one has refers to that one.
    """
    names = {point.name for point in entry_points(group=kind.group)}
    return sorted(names - set(built_in_names(kind)))


def parts(spec: str) -> list[str]:
    """The mitigations of a composition; a `+` inside an existing path does not split it.

    >>> parts("liminal+projection")
    ['liminal', 'projection']
    """
    found: list[str] = []
    pieces = spec.split("+")
    while pieces:
        # The longest sequence of pieces that is an existing file; otherwise one piece.
        for count in range(len(pieces), 0, -1):
            joined = "+".join(pieces[:count])
            file, attribute = _file_and_attribute(joined)
            if count == 1 or (is_file(file) and "+" not in attribute):
                found.append(joined)
                del pieces[:count]
                break
    return found


def find(spec: str, kind: Kind = MITIGATION) -> Found:
    """The object that a user's name for a plugin refers to.

    Raises:
        MitigationError: there is no such plugin, or it cannot be loaded.
    """
    place = _place(spec, kind)
    if place.file is None:
        return _from_module(place.module, place.attribute, kind)
    return _from_file(place.file, place.attribute, place.where, kind)


def sources(spec: str, kind: Kind = MITIGATION) -> Sources:
    """The files that `find` would load; none of their code runs.

    Raises:
        MitigationError: there is no such file, or it cannot be read.
    """
    place = _place(spec, kind)
    if place.file:
        return read_sources(place.file.resolve(), _read(place.file))
    file = _file_of_module(place.module)
    return _module_sources(place.module, file)


def files(spec: str, kind: Kind = MITIGATION) -> list[Path]:
    """The files whose bytes `sources` has, for a sandbox to show them and no others.

    Those of the packages that enclose a module are among them, because an import runs them.

    Raises:
        MitigationError: there is no such file, or one is a link to something else than source.
    """
    place = _place(spec, kind)
    if place.file:
        found = _all_files(place.file.absolute(), sources(spec, kind))
    else:
        pieces = place.module.split(".")
        names = [".".join(pieces[:count]) for count in range(1, len(pieces) + 1)]
        modules = [(name, _file_of_module(name)) for name in names]
        found = [
            file
            for name, path in modules
            if path is not None
            for file in _all_files(path, _module_sources(name, path))
        ]
    for file in found:
        if file.resolve().suffix != file.suffix:
            raise MitigationError(f"{file} is a link to {file.resolve()}, which is no source")
    return found


def _all_files(path: Path, read: Sources) -> list[Path]:
    return [path, *(read.root / name for name in read.beside)]


@dataclass(frozen=True)
class _Place:
    """The location of a mitigation: a file, or a module that an import finds."""

    attribute: str
    where: str
    file: Path | None = None
    module: str = ""


def _place(spec: str, kind: Kind) -> _Place:
    file, attribute = _file_and_attribute(spec)
    if file.endswith(".py") or (
        (is_file(file) or "/" in file or "\\" in file) and not attribute
    ):
        return _Place(attribute, file, Path(file))
    if ":" in spec:
        module, attribute = spec.rsplit(":", 1)
        return _Place(attribute, module, module=module)
    if spec in built_in_names(kind):
        return _Place("", spec, shipped.folder(kind.folder) / f"{spec}.py")
    points = entry_points(group=kind.group, name=spec)
    if points:
        return _installed(spec, points, kind)
    hint = f"; for a file, write {spec}.py" if is_file(f"{spec}.py") else ""
    known = ", ".join([*built_in_names(kind), *installed_names(kind)])
    raise NoSuchMitigationError(
        f"unknown {kind.word} {spec!r}: known are {known}; or give a .py file{hint}"
    )


def _installed(name: str, points: EntryPoints, kind: Kind) -> _Place:
    """The location that an installed package declares for a name.

    Raises:
        MitigationError: the declaration cannot be read, or packages contradict each other.
    """
    values = {point.value: point for point in points}
    packages = sorted({point.dist.name if point.dist else "?" for point in points})
    if len(values) > 1:
        spelled = [value if ":" in value else f"{value}:" for value in values]
        raise MitigationError(
            f"the packages {' and '.join(packages)} both provide a {kind.word} {name!r}; "
            f"choose one by its module: {' or '.join(sorted(spelled))}"
        )
    ((value, point),) = values.items()
    if not _ENTRY_POINT.fullmatch(value):
        raise MitigationError(
            f"the package {packages[0]} declares {name!r} as {value!r}; an entry point is "
            "written as module or module:attribute"
        )
    return _Place(point.attr or "", point.module, module=point.module)


def is_file(name: str) -> bool:
    """Whether a file of that name exists; False for a name that no file can have.

    >>> is_file("x" * 5000)
    False
    """
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def reason(error: BaseException) -> str:
    """One line with the kind of error, its first line and the place."""
    text = str(error).strip().splitlines()
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text[0] if text else ''}{place}"


def _file_and_attribute(spec: str) -> tuple[str, str]:
    """The two parts of `folder/file.py:Name`; a colon in a folder's name does not separate."""
    file, ending, attribute = spec.rpartition(".py:")
    return (f"{file}.py", attribute) if ending else (spec, "")


def _read(path: Path) -> bytes:
    if not is_file(str(path)):
        raise NoSuchMitigationError(f"no such file: {path}")
    if path.suffix != ".py":
        raise MitigationError(f"{path} is not a Python file: its name must end in .py")
    try:
        return read_bytes(path.resolve(), MOST_BYTES)
    except ResultError as error:
        raise MitigationError(error.message) from None


def _from_file(path: Path, attribute: str, where: str, kind: Kind) -> Found:
    return execute(_read(path), path.resolve(), attribute, where, kind=kind)


def execute(
    source: bytes,
    path: Path,
    attribute: str,
    where: str,
    package: str | None = None,
    kind: Kind = MITIGATION,
) -> Found:
    """Run a source as a separate module, and pick the plugin in it.

    Args:
        source: Python source.
        path: of the file that it is from, or its substitute in tracebacks.
        attribute: the object in it; empty for the module or its only class.
        where: the user's name for it.
        package: for its relative imports.
        kind: of the plugin.

    Raises:
        MitigationError: it cannot be run, or contains no plugin of that kind.
    """
    name = module_name(path)
    own = tuple(package.split(".")) if package else ()
    found = read_sources(path, source, own)
    if found.late and not own:
        raise MitigationError(
            f"cannot load {where}: {found.late}: a function imports a file from beside this "
            "one; import it at the top"
        )
    module = ModuleType(name)
    module.__file__ = str(path)
    module.__package__ = package or f"{name}_folder"
    # Registered as by an import, because dataclasses and pickle look modules up there.
    sys.modules[name] = module
    try:
        # Compiled from the bytes that are hashed: an import could run a cached older file.
        code = compile(source, str(path), "exec")
        with nullcontext() if own else importable(found, module.__package__):
            exec(code, module.__dict__)
    except BenchmarkError:
        raise
    except (Exception, SystemExit) as error:
        raise MitigationError(f"cannot load {where}: {reason(error)}") from error
    return Found(_pick(module, attribute, where, kind), found, path, attribute)


def module_name(path: Path) -> str:
    """The name under which a file is registered; it differs for files with the same stem.

    >>> module_name(Path("/a/idea.py")) == module_name(Path("/b/idea.py"))
    False
    """
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    return f"subliminal_bench_mitigation_{path.stem}_{digest}"


def _working_folder_first() -> None:
    """Put the working folder first on the path, as `python -m` does."""
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def _file_of_module(name: str) -> Path | None:
    """A module's file, found part by part: an import would run the enclosing packages."""
    _working_folder_first()
    folders: Sequence[str] | None = None
    pieces = name.split(".")
    for count in range(1, len(pieces) + 1):
        full = ".".join(pieces[:count])
        finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
        found = (find_spec(full, folders) for find_spec in finders if find_spec)
        spec = next(filter(None, found), None)
        if spec is None or (count < len(pieces) and spec.submodule_search_locations is None):
            raise MitigationError(
                f"cannot import module {name}: ModuleNotFoundError: No module named {full!r}"
            )
        folders = spec.submodule_search_locations
    return Path(spec.origin).resolve() if spec and spec.has_location and spec.origin else None


def _from_module(name: str, attribute: str, kind: Kind) -> Found:
    _working_folder_first()
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise MitigationError(f"cannot import module {name}: {reason(error)}") from error
    path = Path(module.__file__).resolve() if module.__file__ else None
    found = _module_sources(name, path)
    return Found(_pick(module, attribute, name, kind), found, path, attribute, name)


def _module_sources(name: str, path: Path | None) -> Sources:
    """A module's file and the files of its own package, or beside it outside site-packages."""
    if path is None:
        return Sources(b"", Path())
    parts = tuple(name.split("."))
    package = parts if path.name == "__init__.py" else parts[:-1]
    root = path.parents[len(package)]
    # Beside an installed package are packages that it has nothing to do with.
    installed = any(root.glob("*.dist-info"))
    return read_sources(path, read_bytes(path, MOST_BYTES), package, installed=installed)


def _pick(module: ModuleType, attribute: str, where: str, kind: Kind) -> object:
    """The plugin in a module: the named attribute, the module itself, or its only class."""
    if attribute:
        chosen = getattr(module, attribute, None)
        if chosen is None:
            raise MitigationError(f"{where} has no {attribute!r}")
        return _instance(chosen, f"{where}:{attribute}")
    if _marked(module):
        return module
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__ and _marked(value)
    ]
    if len(classes) == 1:
        return _instance(classes[0], where)
    if classes:
        names = ", ".join(f"{where}:{value.__name__}" for value in classes)
        raise MitigationError(f"{where} contains several {kind.word}s; name one: {names}")
    raise MitigationError(
        f"{where} contains no {kind.word}: did you forget to mark its functions with @hookimpl?"
    )


def _instance(chosen: object, where: str) -> object:
    if not inspect.isclass(chosen):
        return chosen
    try:
        return chosen()
    except (Exception, SystemExit) as error:
        raise MitigationError(f"cannot create {where}: {reason(error)}") from error


def _marked(holder: object) -> bool:
    return any(hasattr(value, f"{PROJECT}_impl") for value in vars(holder).values())
