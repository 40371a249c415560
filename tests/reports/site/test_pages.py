"""The site: the same bytes, links that lead somewhere, and strangers' text that never acts."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.reports.site.entry_page import entry_page
from subliminal_bench.reports.site.material import Material
from subliminal_bench.reports.site.pages import render_front
from subliminal_bench.reports.site.table import table_row
from tests.support import axe, browser
from tests.support.devtools import Page, driven
from tests.support.documents import ROOT
from tests.support.markup import Reader
from tests.support.reported import HOSTILE

WIDTHS = (360, 768, 1280, 1920)


@pytest.fixture(scope="module")
def read(pages: dict[str, bytes]) -> dict[str, Reader]:
    return {name: Reader(content.decode()) for name, content in pages.items()}


def test_every_entry_experiment_and_document_has_its_page(
    pages: dict[str, bytes], material: Material
) -> None:
    entries = {f"entries/{row.run.mitigation.file_stem}.html" for row in material.rows}
    assert {name for name in pages if name.startswith("entries/")} == entries
    assert {"index.html", "tracks/mnist.html", "docs/index.html"} <= pages.keys()
    assert "docs/deeper/index.html" in pages


def test_every_link_leads_to_a_page_that_is_there_and_to_its_part(
    read: dict[str, Reader],
) -> None:
    anchors = {
        name: {found["id"] for _, found in page.elements if "id" in found}
        for name, page in read.items()
    }
    followed = 0
    for name, page in read.items():
        for tag, found in page.elements:
            target = found.get("href")
            if tag != "a" or target is None or target.startswith("https://"):
                continue
            path, _, part = target.partition("#")
            here = os.path.normpath(Path(name).parent / unquote(path)) if path else name
            assert here in read, (name, target)
            assert not part or part in anchors[here], (name, target)
            followed += 1
    assert followed > 200


def test_the_same_files_give_the_same_bytes(
    pages: dict[str, bytes], material: Material
) -> None:
    assert render_front(material).encode() == pages["index.html"]


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(board: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "subliminal_bench", "site", "-o", str(tmp_path / "site")]
    command += ["--leaderboard", str(board)]
    for seed, check in (("1", []), ("2", ["--check"])):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [*command, *check], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_text_of_strangers_is_shown_and_never_acts(read: dict[str, Reader]) -> None:
    for name, page in read.items():
        tags = [tag for tag, _ in page.elements]
        assert not {"iframe", "object", "embed", "base"} & set(tags), name
        assert tags.count("script") == (name == "index.html"), name
        for tag, found in page.elements:
            assert not any(key.startswith("on") for key in found), (name, tag)
            for key in ("src", "href", "xlink:href", "data", "action"):
                target = found.get(key) or ""
                assert not re.match(r"(?i)\s*(javascript|vbscript|file|http):", target), name
            if tag == "img":
                assert (found["src"] or "").startswith("data:image/svg+xml;base64,")
        assert "49" not in re.findall(r"\{\{ (.*?) \}\}", page.text)
    first = next(page for name, page in read.items() if name.startswith("entries/first"))
    # Title, reference, prior, settings, tuning, source.
    assert first.text.count(HOSTILE) >= 6
    assert read["index.html"].text.count(HOSTILE) >= 4
    assert read["entries/broken.html"].text.count(HOSTILE) >= 3


def test_no_page_may_fetch_anything_or_run_another_script(pages: dict[str, bytes]) -> None:
    for name, content in pages.items():
        (policy,) = re.findall(rb'Content-Security-Policy" content="(.*?)"', content)
        assert policy.startswith(
            b"default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        )
        assert (b"script-src 'sha256-" in policy) == (name == "index.html")
        assert b"@import" not in content


def test_an_entrys_page_has_all_that_is_known_of_it(read: dict[str, Reader]) -> None:
    first = next(page for name, page in read.items() if name.startswith("entries/first"))
    for said in (
        "On fresh seeds",
        "published seeds",
        "Its author tried 40 settings on seeds 1001-1003",
        "Its twin, with its mechanism switched off",
        "leaderboard/submissions/first/idea.py",
        "@misc{subliminalbench-first",
        "No other experiment has committed results of it.",
        "No reader by somebody else was recorded on it",
    ):
        assert said in first.text, said
    # Somebody else's code is run where it can do nothing.
    assert "--isolate" in first.text
    assert "mine" in read["entries/broken.html"].text
    assert "finds more" in read["entries/broken.html"].text
    assert "classes" in read["entries/refuted.html"].text
    assert "refuted on 2025-01-31" in read["entries/refuted.html"].text
    assert "thinned curves, one step in 10" in read["entries/baseline.html"].text
    for name in ("baseline", "liminal"):
        text = read[f"entries/{name}.html"].text
        assert (ROOT / "plugins" / f"{name}.py").read_text() in text
        assert "--isolate" not in text


def test_a_source_that_changed_is_said_to_be_another(material: Material) -> None:
    level = material.levels[0]
    row = next(row for row in level.rows if row.card.names[0] == BASELINE)
    known = row.run.mitigation.model_copy(update={"source_sha256": "0" * 64})
    assert material.sources(row.run).is_same
    assert not material.sources(row.run.model_copy(update={"mitigation": known})).is_same
    gone = known.model_copy(update={"name": "nowhere"})
    content = entry_page(row, table_row(row, level), material)
    assert content.source.files
    assert not material.sources(row.run.model_copy(update={"mitigation": gone})).files


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("driven")
    with driven(browser.program(), folder) as page:
        yield page


class TestInTheBrowser:
    @pytest.mark.parametrize("width", WIDTHS)
    def test_every_kind_of_page_fits_and_fetches_nothing(
        self, opened: Page, site: Path, width: int
    ) -> None:
        names = ("index", "entries/broken", "tracks/mnist", "docs/one", "docs/deeper/index")
        for name in names:
            opened.open(site / f"{name}.html", width)
            wide = opened.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, (name, wide)
        assert opened.complaints == []
        assert all(url.startswith(("file:", "data:")) for url in opened.fetched)

    def test_the_theme_is_followed_and_print_is_on_white(
        self, opened: Page, site: Path
    ) -> None:
        paper = "getComputedStyle(document.body).backgroundColor"
        for name in ("index", "docs/one"):
            opened.open(site / f"{name}.html", theme="light")
            light = opened.evaluate(paper)
            opened.open(site / f"{name}.html", theme="dark")
            assert opened.evaluate(paper) != light
            assert opened.printed().startswith(b"%PDF")

    def test_without_script_all_rows_are_there_and_no_control_is(
        self, opened: Page, site: Path, material: Material
    ) -> None:
        opened.open(site / "index.html", script=False)
        shown = opened.evaluate(
            "[...document.querySelectorAll('tr.entry')].filter(r => r.offsetHeight).length"
        )
        assert shown == len(material.rows)
        assert opened.evaluate("document.getElementById('controls').offsetHeight") == 0
        assert opened.evaluate("document.querySelectorAll('th button').length") == 0

    @pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
    def test_axe_finds_nothing(self, opened: Page, site: Path, theme: browser.Theme) -> None:
        script = axe.script()
        for width in (360, 1280):
            for name in ("index", "entries/broken", "tracks/mnist", "docs/one"):
                opened.open(site / f"{name}.html", width, theme)
                assert axe.violations(opened, script) == [], (name, width)
