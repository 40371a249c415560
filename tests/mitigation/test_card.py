"""A wrong card or value is one line, and a written value is read back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.card import Card, Parameter, Settings, written_settings
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
    "unknown access": (
        "Card('odd', 'Odd', access='oracle')",
        ["oracle", ", teacher-classes, "],
    ),
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
    "title that moves the cursor": ("Card('odd', 'Odd \\x1b[2J')", ["title", "U+001B"]),
    "title that turns around": ("Card('odd', 'Odd \\u202e')", ["title", "U+202E"]),
    "title of two lines": ("Card('odd', 'Odd\\u2028one')", ["title", "U+2028"]),
    "reference that is no UTF-8": (
        "Card('odd', 'Odd', reference='\\udcff')",
        ["reference", "U+DCFF"],
    ),
    "about that is no text": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', 1.0, 7),))",
        ["about of parameter weight"],
    ),
    "default that rings the bell": (
        "Card('odd', 'Odd', parameters=(Parameter('word', '\\a'),))",
        ["word", "U+0007"],
    ),
    "default of thousands of digits": (
        "Card('odd', 'Odd', parameters=(Parameter('whole', 10**5000),))",
        ["whole", "too many digits"],
    ),
    "default that contains itself": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', ENDLESS),))",
        ["weight", "[[...]]"],
    ),
    "minimum that is a word": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', 1.0, minimum='0'),))",
        ["weight", "minimum '0'"],
    ),
    "minimum that is not a number": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', 1.0, minimum=float('nan')),))",
        ["weight", "minimum nan"],
    ),
    "choices that are one word": (
        "Card('odd', 'Odd', parameters=(Parameter('word', 'a', choices='abc'),))",
        ["word", "choices 'abc'"],
    ),
    "two parameters of one name": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', 1.0), Parameter('weight', 2.0)))",
        ["weight"],
    ),
}


@pytest.mark.parametrize("mistake", WRONG_CARDS)
def test_a_wrong_card_is_one_line_before_anything_runs(mistake: str, tmp_path: Path) -> None:
    card, said = WRONG_CARDS[mistake]
    endless = "ENDLESS = []\nENDLESS.append(ENDLESS)\n"
    source = f"{HEAD}{endless}@hookimpl\ndef mitigation():\n    return {card}\n"
    message = refused(write(tmp_path / "odd.py", source))
    for words in ["odd.py", *said]:
        assert words in message


@pytest.mark.parametrize(
    "name",
    [
        *("values", "keys", "items", "get", "_values", "_w", "__class__", "__init__", "class"),
        *("None", "two words", "", "2nd", "x" * 101, "\N{LATIN SMALL LIGATURE FI}", None, []),
    ],
    ids=ascii,
)
def test_a_parameter_that_no_hook_could_read_is_refused_when_it_is_declared(name: Any) -> None:
    with pytest.raises(MitigationError, match="parameter name") as caught:
        Parameter(name, 1.0)
    one_line(caught.value)


@many
@given(st.text(max_size=6) | st.sampled_from(["values", "_values", "weight", "é"]))
def test_a_declared_parameter_is_read_as_an_attribute(name: str) -> None:
    try:
        card = Card("odd", "Odd", parameters=(Parameter(name, 0.5),))
    except MitigationError:
        return
    settings = Settings({one.name: one.default for one in card.parameters})
    assert eval(f"settings.{name}", {"settings": settings}) == 0.5


ENDLESS: dict[str, Any] = {}
ENDLESS["weight"] = ENDLESS


@pytest.mark.parametrize(
    "values",
    [
        *([], ["weight=1"], "weight=1", 5, {5: 1}, {None: 1}, {"a=b": 1}, ENDLESS),
        *({"weight": None}, {"weight": [1.0]}, {"weight": b"1"}, {"weight": 10**5000}),
    ],
    ids=lambda values: type(values).__name__,
)
def test_settings_of_another_kind_are_refused_in_one_line(values: Any) -> None:
    with pytest.raises(MitigationError, match="settings") as caught:
        written_settings(values)
    one_line(caught.value)


def test_numbers_of_any_library_are_settings() -> None:
    assert written_settings({"weight": np.float32(0.5)}) == ["weight=0.5"]


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


def test_a_twin_names_declared_parameters_and_possible_values() -> None:
    parameters = (Parameter("weight", 1.0, minimum=0.0),)
    card = Card("one", "One", parameters=parameters, twin={"weight": 0.0})
    assert card.twin == {"weight": 0.0}
    for twin, said in (
        ({"wait": 0.0}, "'wait', which is no parameter"),
        ({"weight": -1.0}, "below its minimum"),
        ({}, "must set at least one"),
        (["weight"], "must be a dictionary"),
    ):
        with pytest.raises(MitigationError, match=said):
            Card("one", "One", parameters=parameters, twin=twin)  # type: ignore[arg-type]


def test_a_prior_is_one_line() -> None:
    assert Card("one", "One", prior="digits are dark").prior == "digits are dark"
    with pytest.raises(MitigationError, match="card prior"):
        Card("one", "One", prior="two\nlines")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"low": 0.1}, "give low and high"),
        ({"low": 1.0, "high": 0.1}, "low below high"),
        ({"low": 0.0, "high": 1.0, "log": True}, "with log, low must be above 0"),
        ({"low": -1.0, "high": 1.0, "minimum": 0.0}, "below its minimum"),
        ({"low": "a", "high": 1.0}, "it must be a number"),
        ({"off": -1.0, "minimum": 0.0}, "below its minimum"),
        ({"off": "none"}, "takes a number"),
    ],
)
def test_a_range_or_an_off_that_cannot_be_used_is_refused(
    fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(MitigationError, match=said):
        Parameter("weight", 1.0, **fields)


def test_a_word_has_no_range() -> None:
    with pytest.raises(MitigationError, match="parameter kind is no number"):
        Parameter("kind", "soft", low=0.0, high=1.0)
