"""A mitigation is its file and what that imports from beside it, from every way in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from subliminal_bench.errors import MitigationError
from subliminal_bench.experiment.torch_state import read_state
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.mitigation.isolation.proxy import load_isolated
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.shipment import ship
from tests.conftest import CPU, TINY
from tests.support.mitigation_files import GRADIENT, hook, source
from tests.support.watchers import Heard

# Ways to import `scale` from a file `parts/values.py` or `values.py`.
IMPORTS = {
    "sibling": ("from values import scale", "values.py"),
    "sibling, by its module": ("import values\nscale = values.scale", "values.py"),
    "relative": ("from .values import scale", "values.py"),
    "relative, by its module": ("from . import values\nscale = values.scale", "values.py"),
    "package": ("from parts.values import scale", "parts/values.py"),
    "package, by its module": (
        "import parts.values\nscale = parts.values.scale",
        "parts/values.py",
    ),
    "relative package": ("from .parts import values\nscale = values.scale", "parts/values.py"),
    "only if it is there": (
        "try:\n    from values import scale\nexcept ImportError:\n    scale = 0.0",
        "values.py",
    ),
}


def put(folder: Path, imports: str, beside: str, value: float = 0.5) -> Path:
    """A mitigation that multiplies by a number in a file beside it."""
    text = source(hook(GRADIENT, "return gradient * scale"), before=f"{imports}\n")
    folder.mkdir(exist_ok=True)
    (folder / "idea.py").write_text(text)
    (folder / beside).parent.mkdir(exist_ok=True)
    (folder / beside).write_text(f"scale = {value}\n")
    return folder / "idea.py"


def numbers(store: Path, mitigation: Mitigation) -> list[object]:
    run = Bench(TINY, CPU, Store(store)).run([mitigation], (1,))[0]
    return [run.seeds[0].metrics]


@pytest.mark.parametrize("way", IMPORTS)
class TestAFileBesideIt:
    def test_a_change_in_it_is_another_mitigation_with_other_numbers(
        self, way: str, tmp_path: Path
    ) -> None:
        before = load_mitigation(str(put(tmp_path / "a", *IMPORTS[way])))
        first = numbers(tmp_path / "store", before)
        # The same length, within the same second: what Python's compiled files do not notice.
        after = load_mitigation(str(put(tmp_path / "a", *IMPORTS[way], 0.7)))
        assert after.source_sha256 != before.source_sha256
        assert numbers(tmp_path / "store", after) != first
        again = load_mitigation(str(put(tmp_path / "a", *IMPORTS[way])))
        assert again.same_as(before)
        assert numbers(tmp_path / "store", again) == first

    def test_nothing_of_it_remains_importable(self, way: str, tmp_path: Path) -> None:
        before = set(sys.modules), list(sys.path), list(sys.meta_path), read_state()
        path = put(tmp_path / "a", *IMPORTS[way])
        load_mitigation(str(path))
        new = {name for name in sys.modules if "values" in name or name == "parts"} - before[0]
        assert not new
        assert (sys.path, sys.meta_path, read_state()) == tuple(before[1:])

    @pytest.mark.slow
    def test_an_isolated_process_finds_it(self, way: str, tmp_path: Path) -> None:
        path = str(put(tmp_path / "a", *IMPORTS[way]))
        apart = load_isolated(path)
        assert apart.source_sha256 == load_mitigation(path).source_sha256
        assert numbers(tmp_path / "apart", apart) == numbers(
            tmp_path / "here", load_mitigation(path)
        )


@pytest.mark.parametrize("way", ["sibling", "relative package"])
class TestItsNeighbourhood:
    def test_two_folders_may_each_have_a_file_of_that_name(
        self, way: str, tmp_path: Path
    ) -> None:
        one = load_mitigation(str(put(tmp_path / "a", *IMPORTS[way])))
        other = load_mitigation(str(put(tmp_path / "b", *IMPORTS[way], 0.25)))
        assert numbers(tmp_path / "store", one) != numbers(tmp_path / "store", other)

    def test_it_travels_to_a_worker(self, way: str, tmp_path: Path) -> None:
        loaded = load_mitigation(str(put(tmp_path / "a", *IMPORTS[way])))
        with ship(loaded).loaded() as there:
            assert there.same_as(loaded)
            assert numbers(tmp_path / "there", there) == numbers(tmp_path / "here", loaded)


def test_a_file_of_a_file_counts_too(tmp_path: Path) -> None:
    path = put(tmp_path / "a", "from parts.values import scale", "parts/values.py")
    (tmp_path / "a" / "parts" / "values.py").write_text("from .deep import scale\n")
    (tmp_path / "a" / "parts" / "deep.py").write_text("scale = 0.5\n")
    before = load_mitigation(str(path))
    assert sorted(loading.sources(str(path)).beside) == ["parts/deep.py", "parts/values.py"]
    (tmp_path / "a" / "parts" / "deep.py").write_text("scale = 0.7\n")
    assert load_mitigation(str(path)).source_sha256 != before.source_sha256


def test_a_file_that_it_does_not_import_does_not_count(tmp_path: Path) -> None:
    path = put(tmp_path / "a", "scale = 0.5", "values.py")
    before = load_mitigation(str(path))
    (tmp_path / "a" / "values.py").write_text("scale = 0.7\n")
    assert load_mitigation(str(path)).same_as(before)


def test_a_file_named_like_a_part_of_python_is_not_taken_for_it(tmp_path: Path) -> None:
    path = put(tmp_path / "a", "import random\nscale = random.Random(1).random()", "random.py")
    assert load_mitigation(str(path)).name == "idea"
    assert not loading.sources(str(path)).beside


def test_an_import_inside_a_function_is_refused_with_its_line(tmp_path: Path) -> None:
    path = put(
        tmp_path / "a", "def late():\n    from values import scale\nscale = 1", "values.py"
    )
    with pytest.raises(MitigationError, match=r"idea\.py, line 6: .*import it at the top"):
        load_mitigation(str(path))


@pytest.mark.parametrize("start", [["-m", "subliminal_bench"], ["-c", "CONSOLE"]])
def test_a_file_in_the_working_folder_is_found_by_none_of_the_ways_in(
    start: list[str], tmp_path: Path
) -> None:
    path = put(tmp_path / "inner", "from outside import scale", "values.py")
    (tmp_path / "outside.py").write_text("scale = 1.0\n")
    program = (
        "import sys; sys.path.pop(0); from subliminal_bench.cli.program import main; main()"
    )
    start = [program if one == "CONSOLE" else one for one in start]
    ended = subprocess.run(
        [sys.executable, *start, "run", str(path), "--seeds", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "ModuleNotFoundError: No module named 'outside'" in ended.stderr.replace("\n", " ")


class TestWhatNoImportTells:
    @pytest.mark.parametrize(
        "line",
        [
            "scale = float(open(__file__).read()[:0] or 1)",
            "import importlib\nscale = importlib.import_module('math').pi",
            "scale = __import__('math').pi",
            "scale = eval('1.0')",
            "import os\nscale = float(os.environ.get('SCALE', 1))",
            "from pathlib import Path\nscale = len(Path(__file__).read_bytes())",
        ],
    )
    def test_its_results_are_not_reused_and_the_user_is_told(
        self, line: str, tmp_path: Path
    ) -> None:
        path = put(tmp_path / "a", line, "values.py")
        bench = Bench(TINY, CPU, Store(tmp_path / "store"), watcher=(heard := Heard()))
        loaded = load_mitigation(str(path))
        bench.run([loaded], (1,))
        assert bench.has(loaded, (1,))
        assert not bench.has(load_mitigation(str(path)), (1,))
        assert "idea.py, line" in heard.lines[0]
        assert "its results are not reused" in heard.lines[0]
        assert [one.header.mitigation.name for one in bench.store.find("idea", None)] == [
            "idea"
        ]

    def test_a_file_beside_it_is_read_for_that_too(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a", "from values import scale", "values.py")
        (tmp_path / "a" / "values.py").write_text(
            "import os\nscale = float(os.getenv('A', 1))\n"
        )
        assert load_mitigation(str(path)).untold == ("getenv in values.py, line 2",)

    @pytest.mark.parametrize("name", built_in_names())
    def test_no_built_in_mitigation_does_that(self, name: str) -> None:
        assert load_mitigation(name).untold == ()


def test_a_module_of_a_package_has_the_whole_package_that_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = source(
        hook(GRADIENT, "return gradient * scale"), before="from .values import scale\n"
    )
    package = tmp_path / "our_package_of_ideas"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "idea.py").write_text(text)
    (package / "values.py").write_text("scale = 0.5\n")
    before = load_mitigation("our_package_of_ideas.idea:")
    (package / "values.py").write_text("scale = 0.7\n")
    assert loading.sources("our_package_of_ideas.idea:").sha256 != before.source_sha256
