"""A trial that is hopeless on the first seeds is not run on the others."""

from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.running.study.trial import hopeless
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from tests.support.runs import make_run
from tests.support.studies import KL, plain_at

PLAIN = make_run("baseline", [0.55, 0.56], kl_fresh=[KL, KL])


def card(prevented: float, ratio: float) -> Scorecard:
    traits = [plain_at(ratio) * (1 - prevented), plain_at(ratio) * (1 - prevented) + 0.01]
    run = make_run("idea", traits, kl_fresh=[KL * ratio, KL * ratio * 1.001])
    return build_scorecard(run, {BASELINE: PLAIN})


def test_a_kl_far_from_kept_is_hopeless() -> None:
    assert "far from x1.10" in hopeless(card(0.3, 1.7), [])
    assert hopeless(card(0.3, 1.2), []) == ""


def test_a_diverged_student_is_hopeless() -> None:
    diverged = build_scorecard(make_run("idea", [0.5, None]), {BASELINE: PLAIN})
    assert hopeless(diverged, []) == "a student diverged on seeds 1-2"


def test_it_is_hopeless_if_another_trial_is_clearly_better_in_both() -> None:
    assert "another trial" in hopeless(card(0.1, 1.1), [card(0.4, 1.05)])
    assert hopeless(card(0.1, 1.02), [card(0.4, 1.05)]) == ""
    assert hopeless(card(0.35, 1.1), [card(0.4, 1.05)]) == ""
