"""What a stranger may have written is opened in one room; who opens anything else is listed."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import subliminal_bench

PACKAGE = Path(subliminal_bench.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
_CALLS = {
    *("open", "read_text", "read_bytes", "fromfile", "genfromtxt", "loadtxt", "memmap"),
    *("safe_open", "load_file", "load_state_dict", "read_csv", "unpack_archive", "readlink"),
}
# Of these modules' own: json.loads, np.load, torch.load, pickle.loads, tomllib.load.
_LOADERS = {"json", "np", "numpy", "torch", "pickle", "tomllib", "marshal", "shelve", "yaml"}
# What these open is the system's, this program's own, or comes from elsewhere than a file.
ELSEWHERE = {
    "cli/program.py": "the null device",
    "running/cluster/ray_engine.py": "the null device",
    "threads.py": "the system's facts about this machine",
    "running/machine.py": "the system's facts about this machine",
    "training/device.py": "the system's facts about this machine",
    "experiment/digits.py": "digits of known hashes",
    "mitigation/objects.py": "the source of a function that already runs in this process",
    "reports/site/pages.py": "this program's own documents and script",
    "reports/site/prose.py": "pictures of this program's own documents",
    "conformance/checks.py": "an object of this process, copied",
    "running/process_worker.py": "a job from the process that started this one",
    "mitigation/isolation/channel.py": "a message of the trainer's own process",
    # What it is given has been read in the one room.
    "results/submissions.py": "bytes",
    "running/set_file.py": "bytes",
    "results/array_files.py": "bytes",
    "reports/reproduction/published.py": "bytes",
    "mitigation/isolation/confinement.py": "the system's facts about this process",
    "mitigation/isolation/root.py": "this machine's own links to its libraries",
    "mitigation/isolation/bubblewrap.py": "the answer of a program that this one started",
}


def opened(path: Path) -> Iterator[str]:
    """The calls in a file that open or parse something."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in _CALLS - {"read_bytes"}:
            yield called.id
        if isinstance(called, ast.Attribute):
            owner = called.value.id if isinstance(called.value, ast.Name) else ""
            if called.attr in _CALLS and owner != "webbrowser":
                yield f"{owner}.{called.attr}"
            if called.attr in ("load", "loads") and owner in _LOADERS:
                yield f"{owner}.{called.attr}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_other_file_opens_what_a_stranger_may_have_written(path: Path) -> None:
    within = path.relative_to(PACKAGE).as_posix()
    if within.startswith("untrusted/") or within in ELSEWHERE:
        return
    assert list(opened(path)) == [], within


def test_no_file_is_unpickled() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in SOURCES
        if {name.split(".")[0] for name in opened(path)} & {"pickle", "marshal", "torch"}
    }
    assert found == {"conformance/checks.py", "running/process_worker.py"}


def test_a_planted_opening_is_found(tmp_path: Path) -> None:
    path = tmp_path / "planted.py"
    path.write_text("import numpy as np\nx = np.load('a')\ny = open('b')\nz = p.read_text()\n")
    assert sorted(opened(path)) == ["np.load", "open", "p.read_text"]
