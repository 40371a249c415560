"""Arrays are read as numbers of the expected type, shape and size, or not at all."""

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.untrusted.array_archive import ArrayKind, BrokenArraysError, read_arrays
from tests.support.examples import modest
from tests.support.hostile import CURVES, array

KINDS = {"a": ArrayKind(("<f4",), 2), "b": ArrayKind(("<i4",), 1, bounded=True)}


def packed(**arrays: object) -> bytes:
    written = io.BytesIO()
    np.savez_compressed(written, **arrays)  # type: ignore[arg-type]
    return written.getvalue()


@modest
@given(
    st.lists(st.floats(width=32), min_size=6, max_size=6),
    st.booleans(),
    st.integers(0, 2**31 - 1),
)
def test_arrays_are_read_to_the_bit(values: list[float], by_column: bool, whole: int) -> None:
    a = np.array(values, np.float32).reshape(2, 3, order="F" if by_column else "C")
    found = read_arrays(packed(a=a, b=np.array([whole], np.int32)), KINDS, 1000)
    assert found["a"].tobytes() == a.tobytes()
    assert found["b"].tolist() == [whole]
    # As numpy's own are.
    assert found["a"].flags.writeable


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    content = CURVES["bomb"]()
    assert len(content) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(BrokenArraysError, match="too large"):
            read_arrays(content, {"trait_loss": ArrayKind(("<f4",), 1)}, 2**24)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10**6


def test_an_archive_that_lies_about_its_sizes_unpacks_to_no_more() -> None:
    content = bytearray(packed(a=np.zeros((1000, 1000), np.float32)))
    # The sizes of the only member, in its own header and in the archive's list.
    size = len(array(np.zeros((1000, 1000), np.float32))).to_bytes(4, "little")
    assert content.count(size) >= 2
    smaller = bytes(content).replace(size, (100).to_bytes(4, "little"))
    tracemalloc.start()
    try:
        with pytest.raises(BrokenArraysError):
            read_arrays(smaller, KINDS, 1000)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10**6


def test_nan_stands_for_what_was_not_measured_and_infinity_for_nothing() -> None:
    kinds = {"a": ArrayKind(("<f4",), 1, bounded=True)}
    assert np.isnan(read_arrays(packed(a=np.array([np.nan], np.float32)), kinds, 1000)["a"][0])
    with pytest.raises(BrokenArraysError, match="infinite"):
        read_arrays(packed(a=np.array([-np.inf], np.float32)), kinds, 1000)


def test_too_many_arrays_are_refused() -> None:
    many = {f"a{place}": np.zeros(1, np.float32) for place in range(65)}
    with pytest.raises(BrokenArraysError, match="too many"):
        read_arrays(packed(**many), KINDS, 10**6)
