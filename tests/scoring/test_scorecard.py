"""Runs stand side by side on the seeds that they share, or are refused."""

import pytest

from subliminal_bench.errors import ProtocolError, ResultError
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.scoring.scorecard import build_scorecard, side_by_side
from tests.support.judged import LEVELS, SEEDS, dropped
from tests.support.runs import make_run


def test_runs_of_different_protocols_never_meet() -> None:
    other = make_run("baseline", list(LEVELS), protocol=MNIST_5K)
    with pytest.raises(ProtocolError, match=r"mnist-v1 .* mnist-5k-v1"):
        build_scorecard(dropped(), {"baseline": other})


def test_a_reference_must_have_every_seed_of_the_entry() -> None:
    short = make_run("baseline", list(LEVELS[:-2]))
    with pytest.raises(ResultError, match="lacks seeds 11-12"):
        build_scorecard(dropped(), {"baseline": short})


def test_runs_side_by_side_share_their_seeds_and_say_what_is_left_out() -> None:
    card = side_by_side(
        {"a": make_run("a", list(LEVELS)), "b": make_run("b", list(LEVELS), first_seed=3)}
    )
    assert card.seeds == tuple(range(3, SEEDS + 1))
    assert any(remark == "left out of a: 1-2" for remark in card.remarks)
    assert card.verdict is None
