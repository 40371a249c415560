"""What authors write is shown as they wrote it: it is never read as markdown or HTML."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from subliminal_bench.reports import text
from subliminal_bench.reports.markdown_text import literal
from subliminal_bench.scoring.scorecard import Scorecard, side_by_side
from tests.support.examples import modest, seen
from tests.support.runs import make_run

READER = MarkdownIt("commonmark").enable("table")
# What ends a cell, starts an element, or makes a link, a code span or emphasis.
HOSTILE = (
    "a|b",
    "<script>alert(1)</script>",
    "[a](javascript:b)",
    "![a](b)",
    "`a`",
    "**a**",
    "_a_",
    "a\\",
    "a\\|b",
)


def card_of(name: str) -> Scorecard:
    """A comparison of two runs, the second of which has a setting with that word."""
    run = make_run("idea", [0.5, 0.4])
    record = run.mitigation.model_copy(update={"settings": {"word": name}, "changed": ["word"]})
    named = run.model_copy(update={"mitigation": record})
    return side_by_side({"other": make_run("other", [0.3, 0.2]), named.mitigation.label: named})


def rows(markdown: str) -> list[list[str]]:
    """The cells of every row that a reader of markdown finds, as plain text."""
    found: list[list[str]] = []
    for token in READER.parse(markdown):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and found and token.level > 2:
            assert {one.type for one in token.children or []} <= {"text", "text_special"}
            found[-1].append("".join(one.content for one in token.children or []))
    return found


@pytest.mark.parametrize("word", HOSTILE)
def test_a_hostile_setting_stays_in_its_cell(word: str) -> None:
    card = card_of(word)
    found = rows(text.markdown(card))
    label = f"idea (word={word})"
    assert found[0] == ["mean ± SD over seeds", "other", label]
    # One row of each table of comparisons.
    assert [row[0] for row in found].count(label) == 2
    html = READER.render(text.markdown(card))
    assert "<script" not in html
    assert "<a " not in html
    assert "<img" not in html


@pytest.mark.parametrize("word", HOSTILE)
def test_json_has_it_as_it_is(word: str) -> None:
    content = json.loads(text.as_json(card_of(word)))
    assert f"idea (word={word})" in content["metrics"]["trait_accuracy"]


def parts_of(markdown: str) -> list[Token]:
    """What a reader of markdown finds in its only paragraph."""
    (paragraph,) = [token for token in READER.parse(markdown) if token.type == "inline"]
    return paragraph.children or []


@modest
@given(st.one_of(seen(15), st.text(st.sampled_from("ab1 @#:/.&;$-+=[](){}!~|\\`*_<>^wgh"))))
@example("&amp;&#64;x &lt;b&gt;")
@example("- [ ] x")
@example("1. x")
@example("[x]: https://example.com")
@example("---")
def test_any_line_is_read_as_its_own_text(line: str) -> None:
    for before, after in (("x ", " x"), ("", ""), ("- ", "")):
        markdown = f"{before}{literal(line)}{after}"
        if not literal(line):
            continue
        parts = parts_of(markdown)
        assert {one.type for one in parts} <= {"text", "text_special"}, markdown
        shown = "".join(one.content for one in parts).replace("\u200b", "")
        read = f"{before.removeprefix('- ')}{' '.join(line.split())}{after}"
        assert shown == read.replace("\u200b", "")


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("@everyone", "@everyone"),
        ("somebody@example.com", "@example"),
        ("owner/repository#12", "#12"),
        ("GH-12, gh-3", "GH-12"),
        ("https://example.com/a", "://"),
        ("see www.example.com", "www."),
        ("mailto:a", "mailto:"),
        (":tada:", ":tada:"),
    ],
)
def test_what_a_forge_would_make_live_is_broken(text: str, broken: str) -> None:
    shown = "".join(one.content for one in parts_of(literal(text)))
    assert broken not in shown
    assert shown.replace("\u200b", "") == text


def test_a_formula_and_an_entity_are_shown_as_written() -> None:
    assert "$" not in literal("$x$")
    assert READER.render(literal("$x$ &lt;")) == "<p>$x$ &amp;lt;</p>\n"
