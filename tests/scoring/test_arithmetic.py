"""Runs from different arithmetic: the scorecard says so, and no word rests on rounding."""

from dataclasses import replace

import numpy as np
import pytest

from subliminal_bench.experiment.protocol import MNIST, PROBE, Protocol
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.arithmetic import SAME, rounding_between
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard, side_by_side
from subliminal_bench.scoring.words import VerdictWord
from tests.support.judged import BASELINE, DROPS, LEVELS, SEEDS, dropped
from tests.support.runs import make_run

WOBBLE = 1 + 0.01 * np.cos(np.arange(SEEDS))


def elsewhere(run: Run, **change: object) -> Run:
    """The run as another machine would have written it."""
    change = change or {"arithmetic": "matmul, measured from float32, AVX2", "torch": "2.99.0"}
    return run.model_copy(update={"environment": run.environment.model_copy(update=change)})


def scored(entry: Run, baseline: Run = BASELINE) -> Scorecard:
    return build_scorecard(entry, {"baseline": baseline})


def test_the_scorecard_says_which_numbers_come_from_where_and_what_that_may_move() -> None:
    card = scored(elsewhere(dropped()))
    (said,) = [one for one in card.remarks if "not computed in the same way" in one]
    assert "idea was not computed in the same way as baseline" in said
    assert "torch 2.99.0 against" in said
    assert "points and" in said
    assert "% of KL" in said
    assert not [one for one in scored(dropped()).remarks if "not computed" in one]


def test_the_interval_and_the_bound_are_wider_and_the_mean_is_the_same() -> None:
    ours, theirs = (scored(one).against_baseline for one in (dropped(), elsewhere(dropped())))
    assert ours
    assert theirs
    assert ours.distillation
    assert theirs.distillation
    assert theirs.trait.mean == ours.trait.mean
    assert (theirs.trait.low or 0) < (ours.trait.low or 0)
    assert (theirs.trait.high or 0) > (ours.trait.high or 0)
    assert (theirs.distillation.high or 0) > (ours.distillation.high or 0)
    assert (theirs.resolves or 0) > (ours.resolves or 0)


def test_a_drop_within_the_rounding_is_resolved_only_at_home() -> None:
    # A little more than the margin of a tenth.
    slight = make_run("idea", list(LEVELS - 0.11 * (LEVELS - 0.09)))
    at_home, abroad = scored(slight), scored(elsewhere(slight))
    assert at_home.verdict
    assert at_home.verdict.word is VerdictWord.MITIGATES
    assert abroad.verdict
    assert abroad.verdict.word is VerdictWord.SLOWS


def test_a_kl_at_the_margin_is_kept_only_at_home() -> None:
    slight = make_run("idea", list(LEVELS - 2.4 * DROPS), kl_fresh=list(1.089e-3 * WOBBLE))
    at_home, abroad = scored(slight), scored(elsewhere(slight))
    assert at_home.verdict
    assert at_home.verdict.word is VerdictWord.MITIGATES
    assert abroad.verdict
    assert abroad.verdict.word is VerdictWord.ATTENUATES


def test_where_nothing_was_measured_the_scorecard_says_that() -> None:
    unknown = replace(MNIST, name="unknown")
    runs = [make_run(name, list(LEVELS), protocol=unknown) for name in ("idea", "baseline")]
    card = build_scorecard(elsewhere(runs[0]), {"baseline": runs[1]})
    assert any("was not measured" in one for one in card.remarks)


def test_side_by_side_says_it_too() -> None:
    card = side_by_side({"a": dropped(), "b": elsewhere(dropped())})
    assert any("a was not computed in the same way as b" in one for one in card.remarks)


@pytest.mark.parametrize("protocol", [MNIST, PROBE], ids=lambda one: one.name)
def test_the_same_arithmetic_adds_nothing_and_another_adds_what_was_measured(
    protocol: Protocol,
) -> None:
    run = make_run("baseline", list(LEVELS), protocol=protocol)
    assert rounding_between(run, run) == SAME
    assert rounding_between(run, elsewhere(run)).log_kl > 0
