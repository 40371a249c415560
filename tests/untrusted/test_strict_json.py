"""JSON is read as one value, by everyone the same, or refused."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import ResultError
from subliminal_bench.untrusted.strict_json import parse_json
from tests.support.examples import many

HERE = Path("a.json")
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
)


@many
@given(values)
def test_what_is_sound_is_read_as_it_is(value: object) -> None:
    found = parse_json(json.dumps(value, ensure_ascii=False).encode(), HERE)
    assert repr(found) == repr(value)


@many
@given(values, st.text(max_size=5))
def test_a_key_that_occurs_twice_is_named_at_any_depth(value: object, key: str) -> None:
    pair = f"{json.dumps(key)}: {json.dumps(value)}"
    with pytest.raises(ResultError, match="occurs twice"):
        parse_json(f"[0, {{{pair}, {pair}}}]".encode(), HERE)


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 301]
)
def test_a_number_that_cannot_be_counted_with_is_named_by_its_key(number: str) -> None:
    with pytest.raises(ResultError, match=r"a\.json: seeds\.1\.kl: the number is not finite"):
        parse_json(f'{{"seeds": [{{}}, {{"kl": {number}}}]}}'.encode(), HERE)


def test_the_largest_fraction_and_what_vanishes_are_numbers() -> None:
    assert parse_json(b"[1.7976931348623157e308, 1e-999]", HERE) == [1.7976931348623157e308, 0]


def test_a_file_of_empty_lists_does_not_fill_the_memory() -> None:
    """Each takes sixty bytes of memory for its three in the file."""
    content = b"[" + b"[]," * 8_000_000 + b"0]"
    tracemalloc.start()
    try:
        with pytest.raises(ResultError, match="lists and objects"):
            parse_json(content, HERE)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2 * len(content)
