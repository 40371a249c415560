"""A reader counts by stated rules, and only what it is shown to find more breaks an entry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.results.path_record import PathRecord
from subliminal_bench.scoring.breaking import Break, Found, at_its_kl, judged
from subliminal_bench.scoring.statistics import at_equal_distillation
from tests.support.found import SEEDS, found
from tests.support.runs import make_run

UNEVEN = np.linspace(-1, 1, SEEDS)
TRAIT = [0.5] * SEEDS


def judge(
    what: Found, *, explored: bool = False, labels: bool = False, trait: float = 0.2
) -> Break:
    """The judgement of an entry whose class head and body have learned this much."""
    seeds = len(what.entry)
    plain = make_run("baseline", TRAIT[:seeds], first_seed=101)
    entry = make_run("halve", [trait] * seeds, first_seed=101)
    return judged("mine", what, labels, explored, entry, plain)


def test_a_steady_reader_that_finds_more_breaks_the_entry() -> None:
    one = judge(found())
    assert one.counts
    assert one.breaks
    assert one.share.path == pytest.approx(0.9, abs=0.02)
    assert one.low < one.share.path < one.high
    assert one.before == pytest.approx(0.73, abs=0.03)
    assert one.after == pytest.approx(0.1, abs=0.02)


def test_an_entry_that_is_really_weaker_is_not_broken() -> None:
    weaker = judge(found(entry=0.38))
    assert weaker.counts
    assert not weaker.breaks
    assert weaker.after == weaker.before


def test_what_lies_within_the_interval_breaks_nothing() -> None:
    best = judge(found()).best.path
    barely = 0.3 + 0.4 * best + 0.002
    one = judge(found(entry=barely + 0.05 * UNEVEN))
    assert one.counts
    assert one.share.path > best
    assert not one.breaks


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (found(plain=0.3, ended=0.3, reordered_plain=0.3), "not shown to tell plain"),
        (found(untrained=0.7), "not shown to tell plain"),
        (found(plain=0.35), "too little is distilled"),
        (found(reordered=0.7 + 0.1 * UNEVEN), "it is not steady"),
        (found(decoy=0.66), "weights that have learned nothing"),
        (found(decoy=0.41), "weights that have learned nothing"),
        (found(9), "only 9 of the 10 seeds"),
    ],
)
def test_a_reader_that_does_not_keep_the_rule_does_not_count(what: Found, said: str) -> None:
    one = judge(what)
    assert [reason for reason in one.why_not if said in reason], one.why_not
    assert not one.breaks
    assert one.after == one.before


def test_chosen_seeds_do_not_count() -> None:
    one = judge(found(), explored=True)
    assert one.why_not == ("somebody chose the seeds: only fresh ones count",)
    assert not one.breaks


def test_with_labels_a_share_above_one_counts_as_one() -> None:
    better = found(entry=0.8)
    assert judge(better).share.path > 1.2
    assert judge(better, labels=True).share.path == 1


@given(
    entry=st.floats(0, 1),
    untrained=st.floats(0, 1),
    plain=st.floats(0, 1),
    decoy=st.floats(0, 1),
)
def test_a_reader_never_makes_an_entry_look_better(
    entry: float, untrained: float, plain: float, decoy: float
) -> None:
    what = found(entry=entry, untrained=untrained, plain=plain, ended=plain, decoy=decoy)
    one = judge(what)
    assert one.after <= one.before
    if not one.counts:
        assert one.after == one.before


@given(st.floats(1e-5, 0.02))
def test_the_steps_at_a_kl_give_the_verdicts_own_interpolation(kl: float) -> None:
    kls = [0.009, 0.004, 0.005, 0.002, 0.001]
    path = PathRecord.model_construct(steps=[0, 10, 20, 30, 40], kl_fresh=kls)
    values = np.array([0.1, 0.3, 0.2, 0.6, 0.8])
    weights = at_its_kl(kl, path)
    assert len(weights) <= 2
    assert sum(weights.values()) == pytest.approx(1)
    ours = sum(weight * values[step // 10] for step, weight in weights.items())
    assert ours == pytest.approx(float(at_equal_distillation(kl, np.array(kls), values).values))
