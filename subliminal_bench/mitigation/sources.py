"""The source of a mitigation: its file, and every file that it imports from beside it.

Files are found by reading import statements, so nothing is run, and the process that trains can
compare with what an isolated process loaded. Installed packages are not part of it, except for
the package that a mitigation is in itself.
"""

import ast
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from subliminal_bench.untrusted.regular_file import read_bytes

# Of a file with source.
MOST_BYTES = 2**24
# A dotted name in parts.
Name = tuple[str, ...]

_NEVER_BESIDE = {*sys.stdlib_module_names, "subliminal_bench"}
# Calls that load code or data of which no import statement tells.
_FUNCTIONS = {"__import__", "exec", "eval", "open"}
_METHODS = {
    "import_module",
    "run_path",
    "run_module",
    "spec_from_file_location",
    "exec_module",
    "read_text",
    "read_bytes",
    "environ",
    "getenv",
}
_LOADERS = {"torch", "np", "numpy", "json", "pickle", "joblib"}


@dataclass(frozen=True)
class Sources:
    """What a mitigation consists of.

    Attributes:
        main: the bytes of its file.
        root: the folder in which the names that it imports are looked up.
        beside: the bytes of the files that it imports, by their path relative to `root`.
        untold: a place where it loads what no import statement tells, such as
            `open in idea.py, line 3`; empty if there is none.
        late: a place where it imports a file of its own inside a function; empty if there is
            none.
    """

    main: bytes
    root: Path
    beside: Mapping[str, bytes] = field(default_factory=dict)
    untold: str = ""
    late: str = ""

    @property
    def sha256(self) -> str:
        """The hash of its file alone if it imports no other, else of all its files."""
        main = hashlib.sha256(self.main).hexdigest()
        if not self.beside:
            return main
        lines = [main] + [
            f"{name} {hashlib.sha256(source).hexdigest()}"
            for name, source in sorted(self.beside.items())
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_sources(
    path: Path, main: bytes, package: Name = (), *, installed: bool = False
) -> Sources:
    """Find the files that a mitigation imports from beside it.

    Args:
        path: of its file; a notebook's cell has none, and imports from the working folder.
        main: the bytes of the file.
        package: the name in parts of the package that the file is in.
        installed: whether only files of that package are the mitigation's own.

    >>> read_sources(Path("idea.py"), b"import torch").untold
    ''
    >>> read_sources(Path("idea.py"), b"open('numbers')").untold
    'open in idea.py, line 1'
    """
    folder = path.parent if path.is_file() else Path.cwd()
    root = folder.resolve()
    for _ in package:
        root = root.parent
    beside: dict[str, bytes] = {}
    untold = late = ""
    waiting: list[tuple[str, bytes, Name]] = [(path.name, main, package)]
    while waiting:
        name, source, within = waiting.pop()
        try:
            found = _Reader(ast.parse(source), within)
        except (SyntaxError, ValueError):
            # Running it tells what is wrong with it.
            continue
        untold = untold or (
            f"{found.untold[0]} in {name}, line {found.untold[1]}" if found.untold else ""
        )
        for imported, line, in_function in found.imports:
            if imported[:1] and imported[0] in _NEVER_BESIDE:
                continue
            if installed and imported[:1] != package[:1]:
                continue
            for file in _files(root, imported):
                relative = file.relative_to(root).as_posix()
                if in_function:
                    late = late or f"{name}, line {line}"
                if relative not in beside and file != path.resolve():
                    beside[relative] = read_bytes(file, MOST_BYTES)
                    parts = Path(relative).parent.parts
                    waiting.append((relative, beside[relative], parts))
    return Sources(main, root, beside, untold, late)


class _Reader(ast.NodeVisitor):
    """The import statements of a file, and the calls that load what they do not tell."""

    def __init__(self, tree: ast.AST, package: Name) -> None:
        self.imports: list[tuple[Name, int, bool]] = []
        self.untold: tuple[str, int] | None = None
        self._package = package
        self._functions = 0
        self.visit(tree)

    def visit_Import(self, node: ast.Import) -> None:
        for one in node.names:
            self._imported(tuple(one.name.split(".")), node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base: Name = ()
        if node.level:
            if node.level - 1 > len(self._package):
                return
            base = self._package[: len(self._package) - (node.level - 1)]
        base += tuple(node.module.split(".")) if node.module else ()
        self._imported(base, node.lineno)
        for one in node.names:
            self._imported((*base, one.name), node.lineno)

    def _imported(self, name: Name, line: int) -> None:
        self.imports.append((name, line, self._functions > 0))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._functions += 1
        self.generic_visit(node)
        self._functions -= 1

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in _FUNCTIONS:
            self.untold = self.untold or (node.id, node.lineno)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if node.attr in _METHODS or (node.attr == "load" and owner in _LOADERS):
            self.untold = self.untold or (node.attr, node.lineno)
        self.generic_visit(node)


def _files(root: Path, name: Name) -> Iterator[Path]:
    """The files that an import of a name runs, if they are below `root`."""
    if (root / "__init__.py").is_file() and not name:
        yield root / "__init__.py"
    for count in range(1, len(name) + 1):
        place = root.joinpath(*name[:count])
        if (place / "__init__.py").is_file():
            yield place / "__init__.py"
        elif place.with_name(f"{place.name}.py").is_file():
            yield place.with_name(f"{place.name}.py")
            return
        elif not place.is_dir():
            return


@contextmanager
def importable(sources: Sources, package: str) -> Iterator[None]:
    """Exactly the read files can be imported from beside a mitigation inside the context.

    They run from the bytes that were read, under names that end with the context, so that two
    mitigations may each have their own `helper.py`. The working folder is not searched: whether
    Python searches it depends on how Python was started.

    Args:
        sources: of the mitigation.
        package: its name for relative imports.
    """
    finder = _Finder(sources, package)
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if finder.owns(name)}
    path = list(sys.path)
    if path[0] in ("", str(Path.cwd())):
        sys.path.pop(0)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.path[:] = path
        for name in [name for name in sys.modules if finder.owns(name)]:
            del sys.modules[name]
        sys.modules.update(before)


class _Finder(MetaPathFinder):
    """Finds the files beside a mitigation, by their own name or in its package."""

    def __init__(self, sources: Sources, package: str) -> None:
        self._sources, self._package = sources, package
        self._folders = {
            folder.as_posix() for name in sources.beside for folder in Path(name).parents
        }

    def owns(self, name: str) -> bool:
        """Whether a module of that name is one of the files, or a folder of them."""
        return name == self._package or self._place(name) is not None

    def _place(self, name: str) -> str | None:
        """The relative path of a module's file or folder."""
        inside = name.removeprefix(f"{self._package}.").replace(".", "/")
        for file in (f"{inside}/__init__.py", f"{inside}.py"):
            if file in self._sources.beside:
                return file
        return inside if inside in self._folders else None

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of a module that is one of the files."""
        place = self._place(name)
        if name == self._package:
            place = "__init__.py" if "__init__.py" in self._sources.beside else "."
        if place is None:
            return None
        full = self._sources.root / place
        if place not in self._sources.beside:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(full)]
            return spec
        folders = [str(full.parent)] if full.name == "__init__.py" else None
        loader = _Loader(self._sources.beside[place], str(full))
        return spec_from_file_location(
            name, full, loader=loader, submodule_search_locations=folders
        )


class _Loader(InspectLoader):
    """Runs a module from bytes; Python's own loader may run a compiled older file."""

    def __init__(self, source: bytes, path: str) -> None:
        self._source, self._path = source, path

    def get_source(self, fullname: str) -> str:
        """The text that is run."""
        return self._source.decode()

    def get_code(self, fullname: str) -> CodeType:
        """The code that is run."""
        return self.source_to_code(self._source, self._path)
