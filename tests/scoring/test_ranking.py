"""Entries made by hand get the right rank, or a refusal of one line."""

import numpy as np
import pytest

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.results.path_record import PathRecord
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.ranking import RANKED, UNRANKED, RankedEntry, rank_entries
from subliminal_bench.scoring.statistics import at_equal_distillation
from subliminal_bench.scoring.words import VerdictWord
from tests.support.leaderboards import LEVELS, REFERENCES, SEEDS, around, page
from tests.support.runs import make_run, path, unread


def rows(*more: Run) -> dict[str, RankedEntry]:
    named = {run.mitigation.name: run for run in (*REFERENCES, *more)}
    return {row.run.mitigation.name: row for level in rank_entries(named) for row in level.rows}


def ranks(*more: Run) -> dict[str, tuple[int | None, bool]]:
    return {name: (row.rank, row.tied) for name, row in rows(*more).items()}


def word(row: RankedEntry) -> str:
    return row.card.verdict.text if row.card.verdict else "reference"


def stopped_earlier(factor: float) -> Run:
    """Plain distillation where its KL is so many times the end's: a merit of nothing."""
    kl = factor * 1e-3
    traits = [along(path(level, 1e-3), kl) for level in LEVELS]
    return make_run("stops-early", traits, kl_fresh=kl)


def along(one: PathRecord, kl: float) -> float:
    trait = np.array(one.readings["trait_accuracy"])
    return float(at_equal_distillation(kl, np.array(one.kl_fresh), trait).values)


def test_an_oracle_never_ranks_beside_a_blind_entry() -> None:
    text = page(make_run("oracle", around(-0.4), access="trait-gradient", kl_fresh=1e-3))
    assert "## Teacher's classes" not in text
    blind, oracles = text.index("## Blind"), text.index("## Oracles")
    assert blind < text.index("| baseline") < oracles < text.index("| oracle")
    assert ranks(make_run("oracle", around(-0.3), access="trait-gradient"))["oracle"][0] == 1


def test_one_that_sees_the_teachers_classes_ranks_between_them_in_a_section_of_its_own() -> (
    None
):
    seeing = make_run("seeing", around(-0.4), access="teacher-classes")
    text = page(seeing)
    headings = [text.index(f"## {one}") for one in ("Blind", "Teacher's classes", "Oracles")]
    assert headings == sorted(headings)
    assert headings[1] < text.index("| seeing") < headings[2]
    assert ranks(seeing)["seeing"][0] == 1


def test_every_word_is_ranked_or_unranked() -> None:
    assert sorted((*RANKED, *UNRANKED), key=list(VerdictWord).index) == list(VerdictWord)


def test_the_order_follows_the_words_and_stopping_earlier_never_climbs() -> None:
    found = rows(
        make_run("mitigates", around(-0.1)),
        make_run("attenuates", around(-0.3), kl_fresh=1.2e-3),
        stopped_earlier(2.0),
    )
    assert {name: word(found[name]) for name in ("mitigates", "attenuates", "stops-early")} == {
        "mitigates": "mitigates",
        "attenuates": "attenuates",
        "stops-early": "slows",
    }
    # It has less of the trait at the end than the entry that mitigates.
    least = found["stops-early"].summary("trait_accuracy").mean
    most = found["mitigates"].summary("trait_accuracy").mean
    assert least is not None
    assert most is not None
    assert least < most
    order = [name for name, row in found.items() if row.rank is not None]
    assert order.index("mitigates") < order.index("attenuates") < order.index("stops-early")
    assert order.index("stops-early") < order.index("baseline")


def test_within_a_word_the_largest_prevention_is_first() -> None:
    found = ranks(make_run("more", around(-0.3)), make_run("less", around(-0.1)))
    assert found["more"] == (1, False)
    assert found["less"] == (2, False)


def test_entries_whose_preventions_the_seeds_do_not_tell_apart_share_a_rank() -> None:
    found = ranks(make_run("one", around(-0.2)), make_run("other", around(-0.2)))
    assert found["one"] == found["other"] == (1, True)
    assert found["baseline"][0] is not None
    assert found["baseline"][0] > 2


def test_what_other_words_do_does_not_change_a_words_ties() -> None:
    pair = (make_run("one", around(-0.2)), make_run("other", around(-0.25)))
    alone = ranks(*pair)
    many = [
        make_run(f"weak-{place}", around(-0.2), kl_fresh=1.3e-3 + place * 1e-5)
        for place in range(5)
    ]
    assert {name: ranks(*pair, *many)[name] for name in ("one", "other")} == {
        name: alone[name] for name in ("one", "other")
    }


def test_damage_and_refusing_to_distil_have_no_rank() -> None:
    found = rows(
        make_run("frozen", [0.09] * SEEDS, kl_fresh=9e-3, trait_loss_final=2.4),
        make_run("broken", [0.0] * SEEDS),
    )
    assert word(found["frozen"]) == "suppresses by not distilling"
    assert word(found["broken"]) == "suppresses by damage"
    assert found["frozen"].rank is found["broken"].rank is None


def test_what_was_not_read_in_the_body_is_last_and_has_no_rank() -> None:
    found = rows(unread(make_run("old", around(-0.4))))
    assert word(found["old"]) == "not read in the body"
    assert found["old"].rank is None
    blind = [name for name, row in found.items() if row.run.mitigation.access == "blind"]
    assert blind[-1] == "old"


def test_a_diverged_entry_stays_and_counts_as_the_worst() -> None:
    trait: list[float | None] = list(around(0.0))
    trait[0] = None
    found = rows(make_run("fragile", trait))
    assert found["fragile"].rank is not None
    assert not found["fragile"].pareto
    assert "diverged" in page(make_run("fragile", trait))
    lost = rows(make_run("lost", [None] * SEEDS))
    assert word(lost["lost"]) == "amplifies"
    blind = [row for row in lost.values() if row.run.mitigation.access == "blind"]
    assert blind[-1].run.mitigation.name == "lost"


def test_the_front_is_what_nothing_beats_in_prevention_and_kl() -> None:
    found = rows(
        make_run("better", around(-0.3), kl_fresh=1.05e-3),
        make_run("worse", around(-0.1), kl_fresh=1.3e-3),
    )
    assert found["better"].pareto
    assert found["baseline"].pareto
    assert not found["worse"].pareto


def test_another_source_cannot_pass_for_a_reference() -> None:
    record = REFERENCES[0].mitigation.model_copy(update={"source_sha256": "0" * 64})
    impostor = REFERENCES[0].model_copy(update={"mitigation": record})
    with pytest.raises(BenchmarkError, match="'baseline' is not the built-in mitigation"):
        rank_entries(
            {"baseline": impostor, "liminal": REFERENCES[1], "projection": REFERENCES[2]}
        )


def test_entries_with_fewer_seeds_are_compared_on_those_that_all_have() -> None:
    longer = make_run("long", [*around(-0.2), 0.3, 0.3])
    named = {run.mitigation.name: run for run in (*REFERENCES, longer)}
    (row,) = (
        row
        for level in rank_entries(named)
        for row in level.rows
        if row.run.mitigation.name == "long"
    )
    assert row.card.seeds == tuple(range(1, SEEDS + 1))


def test_a_reference_with_other_settings_is_an_entry_and_no_reference() -> None:
    stronger = make_run("liminal", around(-0.3))
    record = stronger.mitigation.model_copy(
        update={"settings": {"lambda0": 9.0}, "changed": ["lambda0"]}
    )
    named = {run.mitigation.label: run for run in REFERENCES}
    named["liminal (lambda0=9.0)"] = stronger.model_copy(update={"mitigation": record})
    found = {
        row.run.mitigation.label: row for level in rank_entries(named) for row in level.rows
    }
    assert found["liminal (lambda0=9.0)"].rank == 1
    held_against = dict(found["baseline"].card.runs())
    assert held_against["liminal"].seeds == named["liminal"].seeds


def test_a_leaderboard_without_its_references_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="projection, liminal"):
        rank_entries({"baseline": REFERENCES[0]})
