"""Characters that no reader sees are found, and never reach a terminal from an error."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import BenchmarkError, OptionSpelling, Setting
from subliminal_bench.printable import brief, printable, unseen_character
from tests.support.examples import many


@pytest.mark.parametrize(
    "character",
    [
        *"\0\a\b\t\n\r\x1b\x7f\x85\xad",
        *"\u200b\u200e\u202a\u202e\u2028\u2029\u2066\u2069\ufeff",
        *("\ud800", "\udcff", "\U000e0001"),
    ],
    ids=ascii,
)
def test_what_moves_turns_or_hides_text_is_found(character: str) -> None:
    assert unseen_character(f"a{character}b") == f"U+{ord(character):04X}"


@pytest.mark.parametrize(
    "text", ["", "a b", "50 % × é", "日本語", "עברית", "a\xa0b", "👍", "e\u0301"]
)
def test_what_people_write_is_left_alone(text: str) -> None:
    assert unseen_character(text) is None
    assert printable(text) == text


@many
@given(st.text(st.characters(), max_size=20))
def test_anything_becomes_one_line_that_every_terminal_takes(text: str) -> None:
    line = printable(text)
    assert unseen_character(line) is None
    assert line.encode("utf-8").decode() == line
    assert len(line.splitlines()) <= 1


@many
@given(st.text(max_size=20), st.text(st.characters(), max_size=20))
def test_an_error_is_one_printable_line_in_every_spelling(message: str, value: str) -> None:
    error = BenchmarkError(message, "use ", Setting("store", value))
    for line in (str(error), error.line(OptionSpelling("--"))):
        assert unseen_character(line) is None
        assert len(line.splitlines()) == 1


def test_any_value_is_shown_in_brief() -> None:
    class Silent:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    endless: list[object] = []
    endless.append(endless)
    assert [brief(one) for one in (endless, 10**5000, Silent())] == [
        "[[...]]",
        "<int>",
        "<Silent>",
    ]
    assert brief("\u202e" * 50).isascii()


def test_unassigned_and_private_characters_are_not_refused() -> None:
    """Which ones those are changes from one version of Python to the next."""
    assert unicodedata.category("\ue000") == "Co"
    assert unseen_character("\ue000") is None
