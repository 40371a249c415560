"""What a reader sees of a stranger's source is what runs."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench import shipped
from subliminal_bench.errors import ResultError
from subliminal_bench.untrusted.source_text import check_source, check_text
from tests.support.examples import many, seen
from tests.support.plugins_for_tests import one_line

HERE = Path("idea.py")


def checked(source: str | bytes) -> str:
    content = source.encode() if isinstance(source, str) else source
    text = check_text(content, HERE)
    check_source(content, text, HERE)
    return text


@pytest.mark.parametrize(
    "path", sorted(shipped.folder("plugins").glob("*.py")), ids=lambda path: path.stem
)
def test_every_built_in_source_is_taken(path: Path) -> None:
    assert checked(path.read_bytes())


@pytest.mark.parametrize(
    "source",
    [
        "λ = 1\nΔw = λ\n",
        "größe = 1\n",
        "# Größer als π: naïve, 日本語\n",
        "x = 1\r\ny = 2\r\n",
        "if True:\n\tx = 1\n",
        '"""а mixed сomment of the docstring"""\n',
        "",
    ],
)
def test_what_people_write_is_taken(source: str) -> None:
    assert checked(source) == source


@pytest.mark.parametrize(
    "source",
    [
        'access = "user"\nif access != "none\u202e\u2066": # \u2069\n    pass\n',
        "x\u200b = 1\n",
        "x = 1\x00\n",
        "x = 1\x0c\n",
        "# a line \u2028x = 2\n",
        "x = 1 # \r x = 2\n",
        "раss = 1\n",
        "ｅval = 1\n",
        "ﬁnal = 1\n",
        b"# coding: latin-1\nx = '\xc3\xa9'\n",
        b"#!/usr/bin/python\n# vim: set fileencoding=utf-7 :\n",
        b"\xef\xbb\xbfx = 1\n",
        b"\xff",
        "x = 1" + " " * 400 + "; y = 2\n",
        "x = (\n",
    ],
)
def test_what_looks_otherwise_than_it_runs_is_refused(source: str | bytes) -> None:
    with pytest.raises(ResultError, match=r"idea\.py"):
        checked(source)


@many
@given(seen(30) | st.binary(max_size=30))
def test_anything_is_taken_or_refused_in_one_line(source: str | bytes) -> None:
    try:
        checked(source)
    except ResultError as error:
        if "idea.py" not in one_line(error):
            pytest.fail(f"{error} does not name the file")
