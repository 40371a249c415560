"""Every word of the verdict, from runs made by hand."""

from pathlib import Path

import numpy as np
import pytest

from subliminal_bench.results.run import Run
from subliminal_bench.scoring.scorecard import build_scorecard
from subliminal_bench.scoring.verdict import MEANINGS, Verdict, VerdictWord
from tests.support.judged import BASELINE, DROPS, LEVELS, SEEDS, dropped
from tests.support.runs import make_run

# KL ratios around a mean, as seeds would have them.
WOBBLE = 1 + 0.01 * np.cos(np.arange(SEEDS))


def verdict(entry: Run, baseline: Run = BASELINE) -> Verdict:
    found = build_scorecard(entry, {"baseline": baseline}).verdict
    assert found is not None
    return found


def test_less_trait_at_the_same_kl_mitigates() -> None:
    found = verdict(dropped(kl_fresh=list(1.02e-3 * WOBBLE)))
    assert found.word is VerdictWord.MITIGATES
    assert "-10" in found.reasons[0]
    assert "x1.020" in found.reasons[1]


def test_less_trait_at_more_kl_attenuates() -> None:
    assert verdict(dropped(kl_fresh=list(1.3e-3 * WOBBLE))).word is VerdictWord.ATTENUATES


def test_a_kl_that_may_or_may_not_be_kept_is_not_called_kept() -> None:
    scattered = list(1.08e-3 * (1 + 0.2 * np.cos(np.arange(SEEDS))))
    found = verdict(dropped(kl_fresh=scattered))
    assert found.word is VerdictWord.ATTENUATES
    assert "not shown" in found.reasons[1]


def test_a_student_that_did_not_learn_suppresses_by_not_distilling() -> None:
    found = verdict(dropped(kl_fresh=list(8.9e-3 * WOBBLE)))
    assert found.word is VerdictWord.NOT_DISTILLING


@pytest.mark.parametrize(
    "sign",
    [
        {"trait_loss_final": 5.0},
        {"classes_predicted": 1.0},
        {"initial_head_accuracy": list(LEVELS)},
    ],
    ids=lambda sign: next(iter(sign)),
)
def test_less_trait_by_breaking_the_student_is_damage(
    sign: dict[str, float | list[float]],
) -> None:
    assert verdict(dropped(**sign)).word is VerdictWord.DAMAGE


def test_an_untrained_looking_student_is_not_damaged() -> None:
    untouched = dropped(
        trait_loss_final=2.45, classes_predicted=4.0, kl_fresh=list(1.01e-3 * WOBBLE)
    )
    assert verdict(untouched).word is VerdictWord.MITIGATES


def test_more_trait_amplifies() -> None:
    assert verdict(make_run("idea", list(LEVELS + DROPS))).word is VerdictWord.AMPLIFIES


def test_a_difference_in_the_noise_is_not_resolved_and_says_what_would_be() -> None:
    entry = make_run("idea", list(LEVELS + 0.02 * np.cos(np.pi * np.arange(SEEDS))))
    found = verdict(entry)
    assert found.word is VerdictWord.NO_EFFECT
    assert "12 seeds find a difference of" in found.reasons[1]


def test_an_entry_equal_to_the_baseline_has_no_effect() -> None:
    assert verdict(make_run("copy", list(LEVELS))).word is VerdictWord.NO_EFFECT


def test_five_seeds_resolve_nothing_however_large_the_difference() -> None:
    few = make_run("idea", [0.05] * 5)
    found = verdict(few, BASELINE)
    assert found.word is VerdictWord.TOO_FEW
    assert "it takes 6" in found.reasons[0]


def test_three_references_take_seven_seeds_to_resolve_anything() -> None:
    references = {
        name: make_run(name, list(LEVELS)) for name in ("baseline", "projection", "liminal")
    }
    for seeds, word in ((6, VerdictWord.TOO_FEW), (7, VerdictWord.MITIGATES)):
        card = build_scorecard(dropped().first(seeds), references)
        assert card.verdict is not None
        assert card.verdict.word is word


def test_a_diverged_seed_counts_as_everything_learned_and_is_remarked_on() -> None:
    trait: list[float | None] = list(LEVELS - DROPS)
    trait[3] = None
    card = build_scorecard(make_run("idea", trait), {"baseline": BASELINE})
    expected = np.mean([*np.delete(-DROPS, 3), 1.0 - LEVELS[3]])
    assert card.comparisons[0].trait.mean == pytest.approx(expected)
    assert card.comparisons[0].distillation is None
    assert any("diverged on seed 4" in remark for remark in card.remarks)


def test_a_diverged_entry_never_mitigates() -> None:
    trait: list[float | None] = [0.05] * SEEDS
    trait[0] = None
    assert verdict(make_run("idea", trait)).word is not VerdictWord.MITIGATES


def test_the_p_values_are_corrected_over_the_references() -> None:
    entry = dropped()
    others = {
        "baseline": BASELINE,
        "projection": make_run("projection", [0.1] * SEEDS, access="trait-gradient"),
        "liminal": make_run("liminal", list(LEVELS - DROPS + 0.001)),
    }
    alone = build_scorecard(entry, {"baseline": BASELINE}).comparisons[0]
    among = build_scorecard(entry, others).comparisons[0]
    assert alone.adjusted_p is not None
    assert alone.trait.p_value == pytest.approx(2 / 2**SEEDS)
    assert among.adjusted_p == pytest.approx(3 * alone.adjusted_p)


def test_a_file_that_bears_a_references_name_is_held_against_the_reference() -> None:
    impostor = make_run("baseline", list(LEVELS - DROPS))
    card = build_scorecard(impostor, {"baseline": BASELINE})
    assert card.names == ("baseline*", "baseline")
    assert card.baseline is BASELINE
    assert card.verdict is not None
    assert card.verdict.word is VerdictWord.MITIGATES


def test_every_word_means_what_its_documentation_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "verdict.md").read_text(encoding="utf-8")
    for word in VerdictWord:
        assert f"| {word.value} | {MEANINGS[word]} |" in page
