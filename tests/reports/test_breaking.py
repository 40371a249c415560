"""What a reader found fits a terminal, and says what follows in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.reports.breaking import follows, text
from subliminal_bench.scoring.breaking import Break, Found, judged
from tests.support.found import SEEDS, found
from tests.support.runs import make_run


def judge(what: Found, explored: bool = False) -> Break:
    entry = make_run("halve", [0.2] * SEEDS, first_seed=101)
    plain = make_run("baseline", [0.5] * SEEDS, first_seed=101)
    return judged("mine", what, False, explored, entry, plain)


def said(what: Found, one: Break, entry: str = "halve") -> str:
    return text("mine", entry, "mnist-v1", tuple(range(101, 101 + SEEDS)), what, one)


def test_a_break_says_from_where_to_where_prevention_falls() -> None:
    what = found()
    one = judge(what)
    before, after = round(100 * one.before), round(100 * one.after)
    assert f"prevention falls from {before} % to {after} %" in said(what, one)
    assert "counts" in said(what, one)


@pytest.mark.parametrize(
    ("what", "explored", "words"),
    [
        (found(), True, "nothing, because the reader does not count"),
        (found(entry=0.35), False, "nothing: it finds no more than the verdict's readers"),
        (found(decoy=0.66), False, "nothing, because the reader does not count"),
    ],
)
def test_without_a_break_nothing_follows(what: Found, explored: bool, words: str) -> None:
    assert follows(judge(what, explored)) == words


@given(
    entry=st.floats(0, 1),
    untrained=st.floats(0, 1),
    plain=st.floats(0, 1),
    reordered=st.floats(0, 1),
    decoy=st.floats(0, 1),
    name=st.text("abc-", min_size=1, max_size=200),
)
def test_whatever_is_found_fits_80_columns(
    entry: float, untrained: float, plain: float, reordered: float, decoy: float, name: str
) -> None:
    what = found(
        entry=entry,
        untrained=untrained,
        plain=plain,
        ended=plain,
        reordered=reordered,
        decoy=decoy,
    )
    printed = said(what, judge(what), name)
    assert max(map(len, printed.splitlines())) <= 80
    for word in ("nan", "inf"):
        assert word not in printed.replace(name, "")
