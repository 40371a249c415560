"""What stands on docs/findings.md is what the committed entries give."""

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest

from tests.support.documents import ROOT, page

PIECES = re.findall(
    r"^```python\n(.*?)^```$(?:\n+^```text\n(.*?)^```$)?",
    page("docs/findings.md"),
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture(scope="module")
def printed() -> Iterator[list[str]]:
    """What each block of Python prints, one after the other, from the checkout's root."""
    found: list[str] = []
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for source, _ in PIECES:
            with redirect_stdout(StringIO()) as out:
                exec(compile(source, "docs/findings.md", "exec"), names)
            found.append(out.getvalue())
        yield found


@pytest.mark.parametrize("number", range(len(PIECES)))
def test_the_figures_are_those_of_the_committed_entries(
    printed: list[str], number: int
) -> None:
    assert printed[number] == PIECES[number][1]


def test_there_are_figures() -> None:
    assert sum(bool(shown) for _, shown in PIECES) >= 5
