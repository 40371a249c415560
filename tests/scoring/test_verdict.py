"""Every word of the verdict, from runs made by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.readers import READERS
from subliminal_bench.results.run import Run, SeedResult, Twin
from subliminal_bench.scoring.scorecard import build_scorecard
from subliminal_bench.scoring.verdict import Verdict
from subliminal_bench.scoring.words import MEANINGS, VerdictWord
from tests.support.judged import BASELINE, DROPS, LEVELS, SEEDS, dropped
from tests.support.runs import make_run, reading

# KL ratios around a mean, as seeds would have them.
WOBBLE = 1 + 0.01 * np.cos(np.arange(SEEDS))


def verdict(entry: Run, baseline: Run = BASELINE) -> Verdict:
    found = build_scorecard(entry, {"baseline": baseline}).verdict
    assert found is not None
    return found


def shares(entry: Run, baseline: Run = BASELINE) -> dict[str, float]:
    equal = build_scorecard(entry, {"baseline": baseline}).equal
    assert equal is not None
    return {share.name: share.path for share in equal.shares}


def readings(traits: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> dict[str, Any]:
    """What the readers of the body find in students that have learned this much."""
    return {
        name: [reading(name, float(one)) for one in traits] for name in READERS if name in BODY
    }


BODY = {name for name, reader in READERS.items() if not reader.expressed}


def test_less_trait_at_the_same_kl_mitigates_and_says_how_much_is_prevented() -> None:
    found = verdict(dropped(kl_fresh=list(1e-3 * WOBBLE)))
    assert found.word is VerdictWord.MITIGATES
    expected = float(DROPS.mean() / (LEVELS - 0.09).mean())
    assert found.prevention is not None
    assert found.prevention.estimate == pytest.approx(expected, abs=0.02)
    assert found.prevention.low < expected < found.prevention.high


def test_less_trait_at_more_kl_attenuates_if_it_is_less_than_there() -> None:
    # At x1.3, plain distillation has an eighth less.
    assert verdict(dropped(kl_fresh=list(1.3e-3 * WOBBLE))).word is VerdictWord.SLOWS
    much = make_run("idea", list(LEVELS - 2 * DROPS), kl_fresh=list(1.3e-3 * WOBBLE))
    found = verdict(much)
    assert found.word is VerdictWord.ATTENUATES
    assert found.prevention is not None
    assert found.prevention.estimate < 0.45


def test_a_kl_that_may_or_may_not_be_kept_is_not_called_kept() -> None:
    scattered = list(1.04e-3 * (1 + 0.2 * np.cos(np.arange(SEEDS))))
    found = verdict(dropped(kl_fresh=scattered))
    assert found.word is VerdictWord.ATTENUATES
    assert "not shown" in found.reasons[1]


def test_plain_distillation_stopped_anywhere_only_slows() -> None:
    for place in (2, 3, 4):
        rows = [one.path for one in BASELINE.seeds]
        stopped = make_run(
            "stopped",
            [path.readings["trait_accuracy"][place] for path in rows if path],
            kl_fresh=[path.kl_fresh[place] for path in rows if path],
        )
        found = verdict(stopped)
        expected = VerdictWord.SLOWS if place > 2 else VerdictWord.NOT_DISTILLING
        assert found.word is expected, place
        assert all(share == pytest.approx(1) for share in shares(stopped).values())


def test_stopping_between_points_is_as_if_at_the_same_kl() -> None:
    kl = 1.7e-3
    traits = 0.09 + (LEVELS - 0.09) * np.log(9e-3 / kl) / np.log(9)
    assert verdict(make_run("stopped", list(traits), kl_fresh=kl)).word is VerdictWord.SLOWS


def test_a_quiet_head_over_a_body_that_has_learned_hides() -> None:
    quiet = make_run("idea", [0.10] * SEEDS, **readings(LEVELS))
    found = verdict(quiet)
    assert found.word is VerdictWord.HIDES
    assert "in the body" in found.reasons[0]


def test_one_reader_of_the_body_is_enough_to_find_what_is_hidden() -> None:
    one = {"few_shot_layer1": readings(LEVELS)["few_shot_layer1"]}
    assert verdict(dropped(**one)).word is VerdictWord.HEAD_QUIETER
    everything_else = readings(np.full(SEEDS, 0.09)) | one
    hidden = make_run("idea", [0.09] * SEEDS, **everything_else)
    assert verdict(hidden).word is VerdictWord.HIDES


def test_a_body_that_says_on_noise_what_it_conceals_on_digits_hides() -> None:
    fit = [reading("noise_fit", float(one)) for one in LEVELS]
    found = verdict(make_run("idea", list(0.5 * LEVELS), noise_fit=fit))
    assert found.word is VerdictWord.HIDES
    assert found.prevention is None
    assert "on noise" in found.reasons[0]


def test_removing_takes_fifty_seeds_and_every_reader_near_the_untrained_model() -> None:
    levels = 0.5 + 0.05 * np.cos(np.arange(60))
    baseline = make_run("baseline", list(levels))
    gone = make_run("idea", list(0.095 + 0.004 * np.sin(np.arange(60))))
    assert verdict(gone, baseline).word is VerdictWord.REMOVES
    fewer = verdict(gone.first(49), baseline.first(49))
    assert fewer.word is VerdictWord.MITIGATES


def test_a_student_that_did_not_learn_suppresses_by_not_distilling() -> None:
    found = verdict(dropped(kl_fresh=list(8.9e-3 * WOBBLE)))
    assert found.word is VerdictWord.NOT_DISTILLING
    assert found.prevention is None


@pytest.mark.parametrize(
    "sign",
    [
        {"trait_loss_final": 5.0},
        {"classes_predicted": 1.0},
        {"latent_accuracy": [0.2] * SEEDS},
        {"few_shot_layer2": [0.5] * SEEDS},
    ],
    ids=lambda sign: next(iter(sign)),
)
def test_less_trait_by_breaking_the_student_is_damage(
    sign: dict[str, float | list[float]],
) -> None:
    assert verdict(dropped(**sign)).word is VerdictWord.DAMAGE


def test_a_broken_head_over_a_body_that_has_learned_hides() -> None:
    collapsed = make_run(
        "idea", [0.10] * SEEDS, trait_loss_final=9.0, classes_predicted=1.0, **readings(LEVELS)
    )
    assert verdict(collapsed).word is VerdictWord.HIDES


def test_an_untrained_looking_student_is_not_damaged() -> None:
    untouched = dropped(
        trait_loss_final=2.45, classes_predicted=4.0, kl_fresh=list(1.01e-3 * WOBBLE)
    )
    assert verdict(untouched).word is VerdictWord.MITIGATES


def test_more_trait_at_the_same_kl_amplifies() -> None:
    assert verdict(make_run("idea", list(LEVELS + DROPS))).word is VerdictWord.AMPLIFIES


def test_less_than_a_tenth_is_no_effect() -> None:
    less = LEVELS - 0.05 * (LEVELS - 0.09)
    found = verdict(make_run("idea", list(less + 0.001 * np.cos(np.arange(SEEDS)))))
    # Lower than the baseline's end, but not by the margin.
    assert found.word is VerdictWord.SLOWS
    wobbling = verdict(make_run("idea", list(LEVELS + 0.02 * np.cos(np.pi * np.arange(SEEDS)))))
    assert wobbling.word is VerdictWord.NO_EFFECT


def test_an_entry_equal_to_the_baseline_has_no_effect_and_prevents_nothing() -> None:
    found = verdict(make_run("copy", list(LEVELS)))
    assert found.word is VerdictWord.NO_EFFECT
    assert found.prevention is not None
    assert found.prevention.estimate == pytest.approx(0, abs=1e-12)


def test_five_seeds_show_nothing_however_large_the_difference() -> None:
    found = verdict(make_run("idea", [0.05] * 5))
    assert found.word is VerdictWord.TOO_FEW
    assert "it takes 6" in found.reasons[0]
    assert "0.0625" in found.reasons[0]
    assert verdict(dropped().first(6)).word is VerdictWord.MITIGATES


def test_what_a_twin_does_too_is_not_credited() -> None:
    entry = dropped()
    half = make_run("idea", list(LEVELS - DROPS / 2))
    found = verdict(entry.model_copy(update={"twin": Twin(settings={}, seeds=half.seeds)}))
    alone = verdict(entry)
    assert found.prevention is not None
    assert alone.prevention is not None
    assert found.prevention.estimate == pytest.approx(alone.prevention.estimate / 2, abs=0.01)


def test_a_run_of_an_older_version_is_not_judged() -> None:
    def older(run: Run) -> Run:
        seeds = [
            SeedResult(
                seed=one.seed,
                metrics={
                    name: value
                    for name, value in one.metrics.items()
                    if METRICS[name].since == 1
                },
                diverged_at=None,
            )
            for one in run.seeds
        ]
        return run.model_copy(update={"seeds": seeds})

    for entry, baseline in ((older(dropped()), BASELINE), (dropped(), older(BASELINE))):
        found = verdict(entry, baseline)
        assert found.word is VerdictWord.NOT_READ
        assert found.prevention is None


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
