"""Mitigations given as objects of Python: their source runs, and it alone."""

import hashlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.mitigation import load_mitigation
from tests.support import loaded
from tests.support.cells import Notebook
from tests.support.loaded import refused
from tests.support.plugins_for_tests import HEAD, scaling_source, write

IDEA = (
    f"{HEAD}class Idea:\n    @hookimpl\n    def mitigation(self):\n"
    "        return Card('idea', 'Idea', parameters=(Parameter('factor', 0.5),))\n\n"
    "    @hookimpl\n    def distill_gradient(self, gradient, step):\n"
    "        return FACTOR * step.settings.factor * gradient\n\nFACTOR = 1\n"
)


def scaled_by(given: Any, *settings: str) -> list[float]:
    return loaded.scaled_by(load_mitigation(given, settings))


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A module of a package on disk, imported."""
    monkeypatch.syspath_prepend(tmp_path)

    def do(source: str) -> Any:
        write(tmp_path / "own_package" / "__init__.py", "")
        write(tmp_path / "own_package" / "helper.py", "FACTOR = 3\n")
        write(tmp_path / "own_package" / "idea.py", source)
        for name in ("own_package", "own_package.helper", "own_package.idea"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return importlib.import_module("own_package.idea")

    return do


class TestCells:
    def test_a_class_of_a_cell_loads(self, notebook: Notebook) -> None:
        idea = notebook.run(IDEA)["Idea"]
        assert scaled_by(idea) == [0.5]
        assert scaled_by(idea, "factor=2") == [2.0]

    def test_so_do_its_functions_as_they_stand_in_a_file(
        self, notebook: Notebook, tmp_path: Path
    ) -> None:
        source = scaling_source()
        given = notebook.run(source)["mitigation"]
        assert scaled_by(given) == [0.5]
        # The same text in a file is the same entry.
        file = load_mitigation(str(write(tmp_path / "halve.py", source)))
        assert load_mitigation(given).same_as(file)

    def test_what_is_hashed_is_the_cell(self, notebook: Notebook) -> None:
        idea = load_mitigation(notebook.run(IDEA)["Idea"])
        assert idea.source_sha256 == hashlib.sha256(IDEA.encode()).hexdigest()
        assert idea.attribute == "Idea"

    def test_a_changed_cell_is_another_entry_and_the_same_one_is_not(
        self, notebook: Notebook
    ) -> None:
        first = load_mitigation(notebook.run(IDEA)["Idea"])
        again = load_mitigation(notebook.run(IDEA)["Idea"])
        other = load_mitigation(notebook.run(IDEA.replace("0.5", "0.25"))["Idea"])
        assert first.same_as(again)
        assert not first.same_as(other)

    def test_nothing_of_another_cell_takes_part(self, notebook: Notebook) -> None:
        idea = notebook.run(IDEA)["Idea"]
        notebook.run("FACTOR = 7")
        assert scaled_by(idea) == [0.5]

    def test_a_cell_that_needs_another_one_is_told_so(self, notebook: Notebook) -> None:
        notebook.run(HEAD)
        said = refused(notebook.run(IDEA.removeprefix(HEAD))["Idea"])
        assert "hookimpl" in said
        assert "a cell is treated as a file" in said

    def test_a_cell_that_runs_what_it_defines_is_refused(self, notebook: Notebook) -> None:
        loads = "from subliminal_bench.mitigation.mitigation import load_mitigation\n"
        source = f"{IDEA}\n{loads}load_mitigation(Idea)\n"
        with pytest.raises(MitigationError, match="from another cell"):
            notebook.run(source)

    def test_a_mistake_in_a_hook_names_the_line_of_the_cell(self, notebook: Notebook) -> None:
        broken = IDEA.replace("'Idea', ", "1 / 0, ")
        assert "line 6" in refused(notebook.run(broken)["Idea"])


class TestFiles:
    def test_class_function_and_module_of_a_package_load(
        self, imported: Callable[[str], Any]
    ) -> None:
        relative = IDEA.replace("FACTOR = 1", "from .helper import FACTOR")
        module = imported(relative)
        assert scaled_by(module.Idea) == scaled_by(module) == [1.5]
        assert load_mitigation(module.Idea).attribute == "Idea"
        module = imported(scaling_source())
        assert scaled_by(module.mitigation) == scaled_by(module) == [0.5]

    def test_an_edited_file_counts_at_once(self, imported: Callable[[str], Any]) -> None:
        idea = imported(IDEA).Idea
        path = Path(sys.modules["own_package.idea"].__file__ or "")
        path.write_text(IDEA.replace("0.5", "0.25"))
        assert scaled_by(idea) == [0.25]

    def test_a_path_loads_whatever_it_is_called(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a+b" / "halve.py", scaling_source())
        assert scaled_by(path) == [0.5]


class TestComposition:
    def test_a_list_acts_in_its_order(self, notebook: Notebook, tmp_path: Path) -> None:
        path = write(tmp_path / "quarter.py", scaling_source("quarter", "0.25"))
        given = [notebook.run(IDEA)["Idea"], path]
        assert scaled_by(given) == [0.5, 0.25]
        assert load_mitigation(given).name == "idea+quarter"
        assert not load_mitigation(given).same_as(load_mitigation(given[::-1]))

    def test_an_empty_list_is_refused(self) -> None:
        assert "empty" in refused([])

    def test_a_list_in_a_list_is_refused_even_if_it_is_itself(self) -> None:
        endless: list[Any] = []
        endless.append(endless)
        for given in (endless, ["liminal", ["projection"]]):
            assert "another list" in refused(given)


class TestRefused:
    def test_an_object_whose_values_no_source_shows(self, notebook: Notebook) -> None:
        assert "give its class" in refused(notebook.run(IDEA)["Idea"]())

    def test_a_class_within_a_function(self, notebook: Notebook) -> None:
        inner = "".join(f"    {line}" for line in IDEA.splitlines(keepends=True))
        made = notebook.run(f"def make():\n{inner}\n    return Idea\n")["make"]()
        assert "at the top" in refused(made)

    @pytest.mark.parametrize("given", [int, print, len, lambda: None, 3, None])
    def test_what_is_no_mitigation(self, given: object) -> None:
        refused(given)

    def test_a_namespace_without_a_file(self, notebook: Notebook) -> None:
        notebook.run(IDEA)
        assert "has no file" in refused(notebook.module)

    def test_a_source_that_nobody_kept(self) -> None:
        names: dict[str, Any] = {}
        exec(compile(IDEA, "<nowhere>", "exec"), names)
        assert "write it to a .py file" in refused(names["Idea"])
