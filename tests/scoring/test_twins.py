"""A twin's own prevention is told, or nothing is."""

import pytest

from subliminal_bench.results.run import Run, Twin
from subliminal_bench.scoring.columns import Columns
from subliminal_bench.scoring.twins import twin_of, twin_prevention
from tests.support.judged import BASELINE, LEVELS, dropped
from tests.support.runs import make_run, unread

SEEDS = BASELINE.seed_numbers
PLAIN = Columns.of("baseline", BASELINE, SEEDS)


def beside(twin: Run) -> Run:
    return dropped().model_copy(update={"twin": Twin(settings={"w": 0.0}, seeds=twin.seeds)})


def test_a_twin_is_compared_with_plain_distillation_at_its_own_kl() -> None:
    found = twin_prevention(beside(make_run("twin", list(LEVELS - 0.05))), PLAIN)
    assert found
    assert found.estimate == pytest.approx(0.05 / (LEVELS - 0.09).mean())
    same = twin_prevention(beside(make_run("twin", list(LEVELS))), PLAIN)
    assert same
    assert same.estimate == pytest.approx(0, abs=1e-9)


def test_without_a_twin_or_its_readings_nothing_is_told() -> None:
    assert twin_prevention(dropped(), PLAIN) is None
    assert twin_prevention(beside(unread(make_run("twin", list(LEVELS)))), PLAIN) is None
    short = beside(make_run("twin", list(LEVELS[:5])))
    assert twin_of(short, SEEDS) is None
    assert twin_prevention(short, PLAIN) is None
