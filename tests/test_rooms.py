"""The rooms keep their rules: one direction, plain names, short files."""

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import subliminal_bench

PACKAGE = Path(subliminal_bench.__file__).parent
ROOT = PACKAGE.parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
# Where a user types something: only here may an option be named.
WAYS_IN = ("cli", "suite", "pytest_plugin")
# Rooms whose face hands on the names that users import.
FACES = ("", "api", "cli", "pytest_plugin", "conformance", "scoring/statistics")


def within(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def contract(root: Path) -> subprocess.CompletedProcess[str]:
    """What lint-imports says of a checkout."""
    linter = Path(sys.executable).with_name("lint-imports")
    command = [str(linter), "--no-cache"]
    # What is installed in development mode must not be looked at in place of the copy.
    environment = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the contract is about."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "pyproject.toml", root)
    for folder in ("subliminal_bench", "sequential"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    return root


def test_the_contract_is_kept(copy: Path) -> None:
    done = contract(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "One direction KEPT" in done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("training/cohort.py", "from subliminal_bench.results.run import Run\n"),
        ("results/files.py", "from subliminal_bench.running import bench\n"),
        ("errors.py", "import subliminal_bench.experiment.protocol\n"),
        ("reports/text.py", "from subliminal_bench.verification import text\n"),
    ],
)
def test_an_upward_import_breaks_the_contract(file: str, line: str, copy: Path) -> None:
    path = copy / "subliminal_bench" / file
    kept = path.read_text()
    path.write_text(f"{kept}\n{line}")
    try:
        done = contract(copy)
    finally:
        path.write_text(kept)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "One direction BROKEN" in done.stdout


def test_a_new_room_without_a_place_breaks_the_contract(copy: Path) -> None:
    path = copy / "subliminal_bench" / "attic.py"
    path.write_text("")
    try:
        done = contract(copy)
    finally:
        path.unlink()
    assert done.returncode == 1
    assert "attic" in done.stdout


def test_the_package_shows_few_names() -> None:
    shown = [path for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "_shipped")]
    assert len(shown) <= 23, sorted(path.name for path in shown)


def test_a_name_is_used_once_in_a_room() -> None:
    for room in (path for path in PACKAGE.iterdir() if path.is_dir()):
        names = [path.stem for path in room.rglob("*.py") if path.stem != "__init__"]
        assert [name for name, count in Counter(names).items() if count > 1] == [], room.name


def package_imports(path: Path) -> Iterator[ast.ImportFrom]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE.name):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=within)
def test_nothing_of_the_package_is_imported_under_another_name(path: Path) -> None:
    aliases = [name.asname for node in package_imports(path) for name in node.names]
    assert set(aliases) <= {None}


def test_a_room_opens_with_a_docstring_and_nothing_else() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        if within(path.parent) not in FACES and path.parent != PACKAGE:
            (docstring,) = ast.parse(path.read_text()).body
            assert isinstance(docstring, ast.Expr), within(path)


# They write the command line of another program, with its options.
ANOTHER_PROGRAMS = ("mitigation/isolation/bubblewrap.py", "mitigation/isolation/root.py")
BELOW_THE_WAYS_IN = [
    path
    for path in SOURCES
    # `errors` knows how each way in spells advice.
    if within(path).split("/")[0] not in (*WAYS_IN, "errors.py")
    and within(path) not in ANOTHER_PROGRAMS
]


@pytest.mark.parametrize("path", BELOW_THE_WAYS_IN, ids=within)
def test_no_option_is_named_below_the_ways_in(path: Path) -> None:
    """A Python or pytest user would be told to type what does not exist there."""
    strings = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    named = {
        option for text in strings for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", text)
    }
    # git's own option, and why nothing heavy is imported.
    assert named <= {"--porcelain", "--help"}


@pytest.mark.parametrize("folder", ["subliminal_bench", "sequential", "tests", "benchmarks"])
def test_no_file_is_longer_than_400_lines(folder: str) -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


# Test files about more than one module of their room.
CROSS_CUTTING = {
    "mitigation": {"hook_table", "module_names"},
    "results": {
        *("arithmetic_key", "bad_files", "file_kinds", "old_schemas", "private_store"),
        "store_processes",
        "capable_runs",
    },
    "untrusted": {"fuzzing", "hostile_files", "one_place"},
    "cli": {"bad_input", "fuzzing", "surroundings"},
    "training": {"meta_device", "published", "tracks"},
    "pytest_plugin": {"pytest_plugin"},
    "running": {"foreign_settings"},
    "scoring": {"plan"},
}


def test_tests_mirror_the_rooms() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    for room in rooms - {"__pycache__", "_shipped", "suite"}:
        folder = ROOT / "tests" / room
        modules = {path.stem for path in (PACKAGE / room).rglob("*.py")}
        tested = {path.stem.removeprefix("test_") for path in folder.rglob("test_*.py")}
        assert tested, room
        assert tested - CROSS_CUTTING.get(room, set()) <= modules, room
