"""Entries made by hand get the right rank, or a refusal of one line."""

import pytest

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.ranking import rank_entries
from tests.support.leaderboards import REFERENCES, SEEDS, around, page
from tests.support.runs import make_run


def ranks(*more: Run) -> dict[str, tuple[int | None, bool]]:
    named = {run.mitigation.name: run for run in (*REFERENCES, *more)}
    return {
        row.run.mitigation.name: (row.rank, row.tied)
        for level in rank_entries(named)
        for row in level.rows
    }


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


def test_entries_that_the_seeds_do_not_tell_apart_share_a_rank() -> None:
    found = ranks(make_run("one", around(-0.2)), make_run("other", around(-0.2)))
    assert found["one"] == found["other"] == (1, True)
    assert found["liminal"] == (3, False)
    assert found["baseline"] == (4, False)


def test_damage_and_refusing_to_distil_have_no_rank() -> None:
    found = ranks(
        make_run("frozen", [0.09] * SEEDS, kl_fresh=9e-3, trait_loss_final=2.4),
        make_run("broken", [0.1] * SEEDS, trait_loss_final=6.0),
    )
    assert found["frozen"] == found["broken"] == (None, False)
    assert found["projection"] == (None, False)
    assert found["liminal"][0] == 1


def test_a_diverged_entry_stays_and_counts_as_the_worst() -> None:
    trait: list[float | None] = list(around(-0.2))
    trait[4] = trait[9] = None
    text = page(make_run("fragile", trait))
    assert "| fragile" in text
    assert "diverged" in text
    assert "fragile" not in [line for line in text.splitlines() if "| yes" in line]


def test_a_diverged_entry_may_have_a_rank_and_is_on_no_front() -> None:
    trait: list[float | None] = list(around(0.0))
    trait[0] = None
    found = ranks(make_run("fragile", trait))
    assert found["fragile"][0] is not None
    assert ranks(make_run("lost", [None] * SEEDS))["lost"][0] == 3


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
    rows = {
        row.run.mitigation.label: row for level in rank_entries(named) for row in level.rows
    }
    assert rows["liminal (lambda0=9.0)"].rank == 1
    held_against = dict(
        zip(rows["baseline"].card.names, rows["baseline"].card.all_runs, strict=True)
    )
    assert held_against["liminal"].seeds == named["liminal"].seeds


def test_a_leaderboard_without_its_references_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="projection, liminal"):
        rank_entries({"baseline": REFERENCES[0]})
