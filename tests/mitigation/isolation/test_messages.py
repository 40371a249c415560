"""Bytes that are no answer of a mitigation's process are found out."""

import json
import os

import pytest
from hypothesis import given, strategies

from subliminal_bench.mitigation.isolation.messages import parsed

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs Unix")


@given(strategies.binary(max_size=200))
def test_bytes_that_are_no_answer_are_found_out(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parsed(content)


@given(
    strategies.dictionaries(
        strategies.sampled_from(["kind", "number", "line", "error", "network", "direct"]),
        strategies.one_of(
            strategies.sampled_from(["done", "failed", "ready", "loaded", "none"]),
            strategies.integers(),
            strategies.booleans(),
            strategies.floats(),
            strategies.none(),
            strategies.lists(strategies.none()),
        ),
    )
)
def test_an_answer_is_of_a_known_kind_with_a_number(content: dict[str, object]) -> None:
    try:
        answer = parsed(json.dumps(content).encode())
    except ValueError:
        return
    assert answer.kind == content["kind"]
    assert type(getattr(answer, "number", 0)) is int
