"""Seeds as people write them: read back as meant, or refused in one line."""

from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import SeedsError
from subliminal_bench.experiment.protocol import MNIST, Protocol
from subliminal_bench.experiment.seed_ranges import describe_seeds, parse_seeds
from subliminal_bench.experiment.tracks import PROTOCOLS
from tests.support.examples import many
from tests.support.plugins_for_tests import one_line

seed_numbers = st.integers(1, MNIST.highest_seed)


def refused(given: Any) -> str:
    with pytest.raises(SeedsError) as caught:
        parse_seeds(given, MNIST)
    return one_line(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", (1,)),
        ("1-3", (1, 2, 3)),
        ("4-4", (4,)),
        ("5-7,1", (1, 5, 6, 7)),
        (" 1 - 3 , 9 ", (1, 2, 3, 9)),
        ("007", (7,)),
    ],
)
def test_lists_and_ranges_read_as_meant(text: str, expected: tuple[int, ...]) -> None:
    assert parse_seeds(text, MNIST) == expected


NO_LISTS = ("", " ", ",", "1,", ",1", "1,,2", "a-b", "a", "-1", "1-", "1-2-3", "1.0", "1e1")
NO_NUMBERS = ("1;2", "0x1", "+1", "1\n2", "99999999999999999999", "1–3", "½")


@pytest.mark.parametrize("text", NO_LISTS + NO_NUMBERS)
def test_what_is_no_list_is_refused_with_an_example(text: str) -> None:
    assert "1-10" in refused(text)


@pytest.mark.parametrize("text", ["1 2", "1 0", "1-1 0", "3 ,4 5"])
def test_a_space_between_two_numbers_never_joins_them(text: str) -> None:
    assert "1-10" in refused(text)


@pytest.mark.parametrize("text", ["0", "0-3", "1,0", "000000"])
def test_seed_zero_is_refused_with_the_range(text: str) -> None:
    assert f"1 to {MNIST.highest_seed}" in refused(text)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_the_highest_seed_is_the_last_one_taken(protocol: Protocol) -> None:
    highest = protocol.highest_seed
    assert parse_seeds(str(highest), protocol) == (highest,)
    with pytest.raises(SeedsError, match=f"1 to {highest}"):
        parse_seeds(f"1-{highest + 1}", protocol)


@pytest.mark.parametrize(
    "given",
    [None, 1.5, True, [True], [None], [1.0], [[1]], b"1", {1: 2}, object(), np.array(1.5)],
    # Without an object's address, which differs between the processes of a test run.
    ids=lambda one: ascii(one).partition(" at 0x")[0],
)
def test_what_are_no_seeds_is_one_line(given: Any) -> None:
    assert "write them like 1-10" in refused(given)


@pytest.mark.parametrize("given", [0, -1, 10**400, [1, 10**5000], count(1), range(10**9)])
def test_numbers_that_are_no_seeds_are_refused_with_the_range(given: Any) -> None:
    assert f"seeds 1 to {MNIST.highest_seed}" in refused(given)


def test_numbers_of_any_library_are_seeds() -> None:
    kinds: list[Any] = [np.array([2, 1]), [np.int64(1), 2], torch.tensor([1, 2]), iter([1, 2])]
    for numbers in kinds:
        assert parse_seeds(numbers, MNIST) == (1, 2)


def test_a_backward_range_is_refused_with_the_right_way_round() -> None:
    assert "7-3" in refused("7-3")
    assert "3-7" in refused("7-3")


@pytest.mark.parametrize("text", ["1,1", "1-3,2", "2-4,1-2"])
def test_a_seed_named_twice_is_refused(text: str) -> None:
    assert "twice" in refused(text)


@many
@given(st.sets(seed_numbers, min_size=1, max_size=30))
def test_what_is_described_is_read_back(numbers: set[int]) -> None:
    assert parse_seeds(describe_seeds(numbers), MNIST) == tuple(sorted(numbers))


@many
@given(st.text(alphabet="0123456789-, \n\tab", max_size=12) | st.text(max_size=12))
def test_any_text_is_ascending_seeds_of_the_protocol_or_one_line(text: str) -> None:
    try:
        found = parse_seeds(text, MNIST)
    except SeedsError as error:
        one_line(error)
    else:
        assert found
        assert list(found) == sorted(set(found))
        assert found[0] >= 1
        assert found[-1] <= MNIST.highest_seed
