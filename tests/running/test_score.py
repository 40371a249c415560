"""A run stops at the first look that decides, and its numbers say so."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subliminal_bench.errors import SeedsError
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.reports import text
from subliminal_bench.results.run import InterimLooks, Run, read_run, write_run
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.score import look_by_look, planned_looks, score_mitigation
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.comparison import compare
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.verdict import VerdictWord
from tests.conftest import CPU, TINY
from tests.support.looks import HUNDRED
from tests.support.runs import make_run

WORDS_THAT_CLAIM = {
    VerdictWord.MITIGATES,
    VerdictWord.ATTENUATES,
    VerdictWord.AMPLIFIES,
    VerdictWord.DAMAGE,
    VerdictWord.NOT_DISTILLING,
}


class Drawn:
    """Drawn results of an entry and three references, handed out as so many seeds are asked.

    Args:
        shift: by how much more trait the entry has than the references.
        ratio: its final KL over theirs.
    """

    def __init__(self, rng_seed: int, shift: float = 0.0, ratio: float = 1.0) -> None:
        rng = np.random.default_rng(rng_seed)
        level = rng.uniform(0.35, 0.7, 100)

        def run(name: str, shift: float, ratio: float) -> Run:
            trait = np.clip(level + shift + 0.03 * rng.standard_normal(100), 0, 1)
            fresh = 1e-3 * ratio * rng.lognormal(0.0, 0.03, 100)
            return make_run(name, list(trait), kl_fresh=list(fresh))

        self._entry = run("entry", shift, ratio)
        names = ("baseline", "projection", "liminal")
        self._references = {name: run(name, 0.0, 1.0) for name in names}
        self.asked: list[int] = []

    def __call__(self, seeds: int) -> Scorecard:
        self.asked.append(seeds)
        entry = self._entry.first(seeds).stopping_early(HUNDRED)
        return build_scorecard(entry, self._references)


def stopped(drawn: Callable[[int], Scorecard], looks: InterimLooks = HUNDRED) -> Scorecard:
    return look_by_look(drawn, looks, lambda line: None)


def word(card: Scorecard) -> VerdictWord:
    assert card.verdict is not None
    return card.verdict.word


class TestLookByLook:
    def test_a_large_effect_stops_at_the_first_look(self) -> None:
        drawn = Drawn(1, shift=-0.2)
        card = stopped(drawn)
        assert word(card) is VerdictWord.MITIGATES
        assert drawn.asked == [20]
        assert card.stopping is not None
        assert card.stopping.text == "stopped at look 1 of 5: 20 of 100 seeds, 80 saved"

    def test_a_smaller_one_stops_later(self) -> None:
        drawn = Drawn(1, shift=-0.02)
        card = stopped(drawn)
        assert word(card) is VerdictWord.MITIGATES
        assert len(drawn.asked) in (2, 3)
        assert drawn.asked == list(statistics.PLAN.looks[: len(drawn.asked)])

    def test_none_at_all_runs_all_planned_seeds(self) -> None:
        drawn = Drawn(1)
        card = stopped(drawn)
        assert word(card) is VerdictWord.NO_EFFECT
        assert drawn.asked == [20, 40, 60, 80, 100]
        assert card.stopping is not None
        assert card.stopping.text.endswith("100 of 100 seeds, none saved")

    def test_a_lower_trait_goes_on_until_the_distillation_is_kept_or_lost(self) -> None:
        on_the_margin, lost = Drawn(2, shift=-0.2, ratio=1.09), Drawn(2, shift=-0.2, ratio=1.5)
        assert word(stopped(lost)) is VerdictWord.ATTENUATES
        assert lost.asked == [20]
        stopped(on_the_margin)
        assert len(on_the_margin.asked) > 1

    def test_a_look_never_sees_beyond_the_planned_seeds(self) -> None:
        drawn = Drawn(1)
        stopped(drawn, planned_looks(tuple(range(1, 61))))
        assert drawn.asked == [20, 40, 60]

    def test_equal_entries_are_told_apart_in_at_most_5_percent(self) -> None:
        # The whole procedure: it stops where it likes, and says a word.
        found = [word(stopped(Drawn(1_000 + index))) for index in range(30)]
        limit = 0.05 + 3 * (0.05 * 0.95 / 30) ** 0.5
        assert np.mean([one in WORDS_THAT_CLAIM for one in found]) <= limit

    @pytest.mark.slow
    def test_the_same_holds_in_a_larger_simulation(self) -> None:
        found = [word(stopped(Drawn(5_000 + index))) for index in range(1_000)]
        limit = 0.05 + 3 * (0.05 * 0.95 / 1_000) ** 0.5
        assert np.mean([one in WORDS_THAT_CLAIM for one in found]) <= limit

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 10_000), st.floats(-0.04, 0.04), st.floats(0.95, 1.2))
    def test_no_word_claims_what_the_plans_own_levels_do_not(
        self, rng_seed: int, shift: float, ratio: float
    ) -> None:
        card = stopped(Drawn(rng_seed, shift, ratio))
        against = card.against_baseline
        assert against is not None
        if word(card) in WORDS_THAT_CLAIM:
            ours, theirs = (
                np.array([value for value in run.column("trait_accuracy") if value is not None])
                for run in (card.entry, card.baseline)
            )
            looked = [seeds for seeds in statistics.PLAN.looks if seeds <= len(ours)]
            differences = [ours[:seeds] - theirs[:seeds] for seeds in looked]
            p_values = [statistics.exact_sign_flip_p(differences[0])]
            p_values += [statistics.sign_flip_p(one) for one in differences[1:]]
            assert any(
                p <= level for p, level in zip(p_values, statistics.PLAN.levels, strict=False)
            )
        if word(card) is VerdictWord.MITIGATES:
            assert against.distillation is not None
            fixed = statistics.non_inferiority(
                *(
                    [value for value in run.column("kl_fresh", card.seeds) if value is not None]
                    for run in (card.entry, card.baseline)
                )
            )
            assert fixed.kept


class TestRecord:
    def test_a_run_read_back_is_scored_by_its_looks(self, tmp_path: Path) -> None:
        card = stopped(Drawn(1, shift=-0.02))
        write_run(tmp_path / "run.json", card.entry)
        references = dict(card.runs()[1:])
        assert build_scorecard(read_run(tmp_path / "run.json"), references) == card

    def test_its_numbers_are_not_those_of_a_fixed_number_of_seeds(self) -> None:
        card = stopped(Drawn(1, shift=-0.02))
        ours_columns, *others = card.columns
        pairs = [(ours_columns, other) for other in others]
        for ours, fixed in zip(card.comparisons, compare(pairs), strict=True):
            assert ours.adjusted_p is not None
            assert fixed.adjusted_p is not None
            assert ours.adjusted_p > fixed.adjusted_p
            assert ours.trait.low is not None
            assert fixed.trait.low is not None
            assert ours.trait.low < fixed.trait.low
            assert ours.resolves is not None
            assert fixed.resolves is not None
            assert ours.resolves > fixed.resolves

    @pytest.mark.parametrize("form", ["terminal", "markdown", "json"])
    def test_every_form_of_the_scorecard_says_how_many_seeds_it_saved(
        self, form: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text.show(stopped(Drawn(1, shift=-0.2)), form)
        out = capsys.readouterr().out
        assert "topped at look 1 of 5: 20 of 100 seeds, 80 saved" in out
        if form == "json":
            stopping = json.loads(out)["stopping"]
            assert (stopping["look"], stopping["seeds"], stopping["saved"]) == (1, 20, 80)


class TestPlanned:
    @pytest.mark.parametrize("seeds", [(1,), range(1, 21), range(1, 31), range(1, 121)])
    def test_other_seeds_than_those_of_a_later_look_are_refused(
        self, seeds: Sequence[int]
    ) -> None:
        with pytest.raises(SeedsError, match=r"seeds 1-40, 1-60, 1-80 or 1-100"):
            planned_looks(tuple(seeds))

    def test_and_so_are_seeds_that_do_not_begin_at_1(self) -> None:
        with pytest.raises(SeedsError, match="not 2-41"):
            planned_looks(tuple(range(2, 42)))


def test_scoring_under_the_canonical_protocol_shows_blindness(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("subliminal_bench.experiment.protocol.CANONICAL", TINY)
    card = score_mitigation(
        Bench(TINY, CPU, Store(tmp_path)), load_mitigation("class_anchor"), (1,)
    )
    shown = {name: run.blindness for name, run in card.runs()}
    assert shown.pop("projection") is None
    assert {name for name, found in shown.items() if found and found.shown} == {
        *("class_anchor", "baseline", "liminal")
    }
