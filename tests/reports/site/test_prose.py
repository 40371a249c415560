"""Documents become pages without any HTML of their own."""

from pathlib import Path

from subliminal_bench.reports.site.prose import addresses, anchor, rendered
from tests.support.documents import ROOT, anchors

PAGES = addresses(["README.md", "one.md", "deeper/README.md"])


def test_html_in_a_document_is_text() -> None:
    body = rendered("# T\n\n<script>alert(1)</script>\n\na <b onclick=x>b</b>\n", PAGES).body
    assert "<script" not in body
    assert "<b " not in body
    assert "&lt;script&gt;alert(1)" in body


def test_links_lead_to_pages_of_the_site_or_out_of_it() -> None:
    body = rendered(
        "# T\n\n[a](one.md#x) [b](deeper/README.md) [c](../leaderboard/README.md)\n"
        "[d](https://example.com) [e](#part) [f](../plugins/liminal.py) [g](javascript:x)\n",
        PAGES,
    ).body
    for target in ("one.html#x", "deeper/index.html", "../index.html", "#part"):
        assert f'href="{target}"' in body
    assert 'href="https://example.com"' in body
    assert "plugins" not in body
    assert "javascript" not in body.replace("(javascript:x)", "")


def test_a_table_scrolls_in_its_box_and_the_keyboard_reaches_it() -> None:
    body = rendered("# T\n\n| a |\n|---|\n| 1 |\n", PAGES).body
    assert '<div class="scroll" role="group" aria-label="Table" tabindex="0"><table' in body


def test_a_picture_is_taken_in_and_one_elsewhere_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "it.svg").write_text("<svg/>")
    text = "# T\n\n![seen](it.svg) ![up](../it.svg) ![out](https://example.com/x.png)\n"
    body = rendered(text, PAGES, tmp_path).body
    assert body.count("<img") == 1
    assert 'src="data:image/svg+xml;base64,' in body
    assert 'alt="seen"' in body


def test_headings_have_the_names_that_documents_link_to() -> None:
    for path in sorted((ROOT / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        body = rendered(text, addresses([])).body
        headings = {
            line.lstrip("# ")
            for line in text.splitlines()
            if line.startswith("## ") and "`" not in line
        }
        for heading in headings - {"my_idea"}:
            name = anchor(heading)
            assert name in anchors(path)
            assert f'id="{name}"' in body or f"## {heading}" in body, (path.name, heading)
