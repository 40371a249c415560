"""A wrong card or value is one line, and a written value is read back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.card import Parameter
from tests.support.examples import many
from tests.support.loaded import refused
from tests.support.plugins_for_tests import HEAD, one_line, write

# Cards that are wrong, and what the line about each must say.
WRONG_CARDS: dict[str, tuple[str, list[str]]] = {
    "no title": ("Card('odd')", ["title"]),
    "title not text": ("Card('odd', None)", ["title"]),
    "name not text": ("Card(7, 'Odd')", ["name"]),
    "no name": ("Card('', 'Odd')", ["name"]),
    "name that leaves the store": ("Card('../../odd', 'Odd')", ["name"]),
    "name that is a path": ("Card('odd/odd', 'Odd')", ["name"]),
    "name of two lines": ("Card('odd\\nodd', 'Odd')", ["name"]),
    "name like a composition": ("Card('odd+even', 'Odd')", ["name"]),
    "name far too long": ("Card('odd' * 100, 'Odd')", ["name"]),
    "unknown access": ("Card('odd', 'Odd', access='oracle')", ["oracle", "trait-gradient"]),
    "parameter not in a tuple": (
        "Card('odd', 'Odd', parameters=Parameter('weight', 1.0))",
        ["parameters"],
    ),
    "parameter that is a word": ("Card('odd', 'Odd', parameters=('weight',))", ["Parameter"]),
    "default that --set cannot read": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', None),))",
        ["weight"],
    ),
    "default that is not finite": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', float('inf')),))",
        ["weight"],
    ),
    "default out of its own range": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', -1.0, minimum=0.0),))",
        ["weight"],
    ),
    "two parameters of one name": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', 1.0), Parameter('weight', 2.0)))",
        ["weight"],
    ),
}


@pytest.mark.parametrize("mistake", WRONG_CARDS)
def test_a_wrong_card_is_one_line_before_anything_runs(mistake: str, tmp_path: Path) -> None:
    card, said = WRONG_CARDS[mistake]
    source = f"{HEAD}@hookimpl\ndef mitigation():\n    return {card}\n"
    message = refused(write(tmp_path / "odd.py", source))
    for words in ["odd.py", *said]:
        assert words in message


@many
@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans())
def test_a_written_value_is_read_back(value: bool | int | float) -> None:
    read = Parameter("one", value).read(str(value))
    assert read == value
    assert type(read) is type(value)


@many
@given(
    st.sampled_from([True, 1, 1.0, "word"]),
    st.text(max_size=20) | st.text("0123456789.-+e_ ", max_size=8),
)
def test_any_text_is_a_value_in_range_or_one_line(
    default: bool | int | float | str, text: str
) -> None:
    parameter = Parameter("one", default, minimum=0, maximum=100)
    try:
        value = parameter.read(text)
    except MitigationError as error:
        one_line(error)
    else:
        assert type(value) is type(default)
        assert isinstance(value, str) or 0 <= value <= 100
