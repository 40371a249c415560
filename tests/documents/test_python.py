"""Every piece of Python in the documents runs, and so does the notebook."""

import json
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

import subliminal_bench as sb
from subliminal_bench.api import Finished
from subliminal_bench.experiment.tracks import PROTOCOLS
from tests.support.cells import Notebook
from tests.support.documents import PAGES, blocks, page

NOTEBOOK = json.loads(page("docs/notebook.ipynb"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
# Run here, and elsewhere: as a mitigation, under pytest, hook by hook, in the tutorial.
HERE = {"quick-start.md", "python.md", "extending.md"}
ELSEWHERE = {"README.md", "ci.md", "findings.md", "hooks.md", "readers.md", "tutorial.md"}


def cheaply(source: str) -> str:
    """The same on an experiment of a fraction of a second."""
    source = re.sub(r'seeds="[^"]*"', 'seeds="1-2", device="cpu"', source)
    return source.replace("mnist-5k", "tiny")


@pytest.fixture
def names(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Any
) -> dict[str, Any]:
    """All names there are after a page's blocks, or a notebook's cells, one by one."""
    monkeypatch.chdir(tmp_path)
    # What a page adds is gone after the test.
    for name in ("wide",):
        monkeypatch.setitem(PROTOCOLS, name, tiny)
    notebook, found = Notebook(), {}
    for source in request.param:
        found = notebook.run(cheaply(source))
    return found


def of_page(name: str) -> pytest.MarkDecorator:
    sources = blocks(page(f"docs/{name}"), "python")
    return pytest.mark.parametrize("names", [sources], indirect=True, ids=[name])


class TestPages:
    @of_page("quick-start.md")
    def test_the_quick_start(self, names: dict[str, Any]) -> None:
        assert list(names["liminal"].frame().seed) == [1, 2]

    @of_page("python.md")
    def test_the_page_on_python(self, names: dict[str, Any]) -> None:
        assert names["liminal"].run().mitigation.changed == ["lambda0"]
        assert len(names["seeds"]) == 2
        assert set(names["curves"].seed) == {1, 2}
        assert list(names["pairs"].reference) == ["baseline", "projection", "liminal"]
        assert names["fade"].run().mitigation.attribute == "Fade"

    @of_page("extending.md")
    def test_the_recipe_for_a_protocol(self, names: dict[str, Any]) -> None:
        wide = names["WIDE"]
        assert wide.hidden == 512
        assert names["wide"].run().protocol.fingerprint == wide.fingerprint

    @pytest.mark.parametrize("names", [CODE], indirect=True, ids=["notebook"])
    def test_the_notebook(self, names: dict[str, Any]) -> None:
        assert names["hold"].run().mitigation.name == "hold"
        assert list(names["both"].names) == ["liminal", "hold"]
        assert len(names["curves"]) == 2 * names["liminal"].curves().step.nunique()

    @pytest.fixture(autouse=True)
    def _no_window(self) -> None:
        mpl.use("agg")


def test_no_page_has_python_that_nobody_runs() -> None:
    with_python = {path.name for path in PAGES if blocks(path.read_text(), "python")}
    assert with_python == HERE | ELSEWHERE


def test_the_page_on_python_lists_all_that_a_result_has() -> None:
    text = page("docs/python.md")
    public = {name for name in dir(Finished) if not name.startswith("_")}
    fields = {"scorecard"}
    for name in public | fields:
        assert re.search(rf"^\| `{name}\b", text, re.MULTILINE), name
    functions = {"run", "score", "compare", "leaderboard_frame"}
    assert functions < set(sb.__all__)
    for name in functions:
        assert re.search(rf"^\| `{name}\(", text, re.MULTILINE), name


def test_the_notebook_is_kept_without_outputs() -> None:
    """They would be out of date as soon as a number moves."""
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert len(code) == len(CODE) > 5
    assert not [cell for cell in code if cell["outputs"] or cell["execution_count"]]
