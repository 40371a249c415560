"""Entries made by hand get the right rank or a refusal of one line."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from subliminal_bench import shipped
from subliminal_bench.errors import BenchmarkError
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K
from subliminal_bench.reports.leaderboard import leaderboard_page, render_leaderboard
from subliminal_bench.results.entries import read_entries, submit_run
from subliminal_bench.results.run import Run, write_run
from subliminal_bench.scoring.ranking import rank_entries
from tests.support.runs import make_run

SEEDS = 20
RANDOM = np.random.default_rng(0)
LEVELS = RANDOM.uniform(0.35, 0.70, SEEDS)


def around(shift: float, spread: float = 0.02) -> list[float]:
    return list(np.clip(LEVELS + shift + spread * RANDOM.standard_normal(SEEDS), 0, 1))


REFERENCES = (
    make_run("baseline", list(LEVELS)),
    make_run("liminal", around(-0.06), kl_fresh=1.12e-3),
    make_run("projection", [0.1] * SEEDS, access="trait-gradient", trait_loss_final=8.0),
)


def ranks(*more: Run) -> dict[str, tuple[int | None, bool]]:
    named = {run.mitigation.name: run for run in (*REFERENCES, *more)}
    return {
        row.run.mitigation.name: (row.rank, row.tied)
        for level in rank_entries(named)
        for row in level.rows
    }


def page(*more: Run) -> str:
    named = {run.mitigation.name: run for run in (*REFERENCES, *more)}
    return render_leaderboard(rank_entries(named))


def test_an_oracle_never_ranks_beside_a_blind_entry() -> None:
    text = page(make_run("oracle", around(-0.4), access="trait-gradient", kl_fresh=1e-3))
    blind, oracles = text.index("## Blind"), text.index("## Oracles")
    assert blind < text.index("| baseline") < oracles < text.index("| oracle")
    assert ranks(make_run("oracle", around(-0.3), access="trait-gradient"))["oracle"][0] == 1


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
    with pytest.raises(BenchmarkError, match="'baseline' is not the built-in one"):
        rank_entries(
            {"baseline": impostor, "liminal": REFERENCES[1], "projection": REFERENCES[2]}
        )


def test_somebodys_text_is_shown_as_it_is() -> None:
    run = make_run("idea", around(-0.1))
    record = run.mitigation.model_copy(update={"reference": "a|b\n<script>*c*"})
    text = page(run.model_copy(update={"mitigation": record}))
    assert "a\\|b \\<script\\>\\*c\\*" in text


def test_the_pareto_front_is_what_nothing_ranked_beats_on_both() -> None:
    text = page(
        make_run("better", around(-0.3), kl_fresh=1.05e-3),
        make_run("worse", around(-0.1), kl_fresh=1.3e-3),
    )
    row = {
        line.split("|")[2].strip(): line
        for line in text.split("## What")[0].splitlines()
        if line.startswith("|")
    }
    assert "| yes" in row["better"]
    assert "| yes" in row["baseline"]
    assert "| yes" not in row["worse"]


def test_the_same_entries_give_the_same_bytes_in_any_order() -> None:
    extra = make_run("extra", around(-0.15))
    named = {run.mitigation.name: run for run in (*REFERENCES, extra)}
    backwards = dict(reversed(named.items()))
    assert render_leaderboard(rank_entries(named)) == render_leaderboard(
        rank_entries(backwards)
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


def test_many_entries_make_one_page_in_the_order_of_their_means(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    levels = rng.uniform(0.4, 0.7, 30)
    for run in REFERENCES:
        accuracies = levels if run.mitigation.name == "baseline" else 0.9 * levels
        name, access = run.mitigation.name, run.mitigation.access
        write_run(tmp_path / f"{name}.json", make_run(name, list(accuracies), access=access))
    for index in range(50):
        trait = levels - 0.006 * index + 0.003 * rng.standard_normal(30)
        write_run(tmp_path / f"{index}.json", make_run(f"idea-{index:02d}", list(trait)))
    levels_found = rank_entries(read_entries(tmp_path))
    blind = levels_found[0].rows
    assert len(blind) == 52
    found = [row.run.mitigation.name for row in blind]
    ideas = [name for name in found if name.startswith("idea")]
    assert ideas == sorted(ideas, reverse=True)
    assert render_leaderboard(levels_found).count("| idea-") == 2 * 50


def test_the_page_says_what_it_can_resolve() -> None:
    assert (
        "With 20 seeds, an entry's difference from the baseline is found four times" in page()
    )


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


def test_the_committed_page_shows_the_committed_entries() -> None:
    root = shipped.folder("leaderboard")
    page, fresh = leaderboard_page(root)
    assert page.read_text(encoding="utf-8") == fresh


def test_a_leaderboard_without_its_references_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="projection, liminal"):
        rank_entries({"baseline": REFERENCES[0]})


NOT_ELIGIBLE: dict[str, tuple[Callable[[], Run], str]] = {
    "other protocol": (
        lambda: make_run("x", around(0), protocol=MNIST_5K),
        "a leaderboard takes mnist-v1",
    ),
    "other version": (
        lambda: make_run("x", around(0), protocol=replace(MNIST, version=2)),
        "is from mnist-v2",
    ),
    "other numbers under the same version": (
        lambda: make_run("x", around(0), protocol=replace(MNIST, learning_rate=3.1e-4)),
        "with another fingerprint",
    ),
    "missing seeds": (lambda: make_run("x", around(0), first_seed=3), "lacks seeds 1-2"),
    "too few seeds": (lambda: make_run("x", around(0)[:6]), "needs at least 20"),
}


@pytest.mark.parametrize("case", NOT_ELIGIBLE)
def test_what_is_not_eligible_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    make, expected = NOT_ELIGIBLE[case]
    with pytest.raises(BenchmarkError, match=expected) as refused:
        submit_run(make(), tmp_path)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BenchmarkError, match=expected):
        page(make())


def test_a_submitted_run_reads_back_as_it_was(tmp_path: Path) -> None:
    run = make_run("idea", around(-0.1))
    path = submit_run(run, tmp_path)
    assert path.name == "idea.json"
    assert read_entries(tmp_path) == {"idea": run}


def test_a_taken_name_is_refused_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    submit_run(make_run("idea", around(-0.1)), tmp_path)
    again = make_run("idea", around(-0.2))
    with pytest.raises(BenchmarkError, match="already"):
        submit_run(again, tmp_path)
    submit_run(again, tmp_path, replace=True)
    assert read_entries(tmp_path) == {"idea": again}


def test_an_entry_is_replaced_where_it_lies(tmp_path: Path) -> None:
    submit_run(make_run("idea", around(-0.1)), tmp_path).rename(tmp_path / "moved.json")
    submit_run(make_run("idea", around(-0.2)), tmp_path, replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["moved.json"]


def test_other_settings_make_another_entry(tmp_path: Path) -> None:
    run = make_run("idea", around(-0.1))
    stronger = run.model_copy(
        update={
            "mitigation": run.mitigation.model_copy(
                update={"settings": {"weight": 2.0}, "changed": ["weight"]}
            )
        }
    )
    submit_run(run, tmp_path)
    submit_run(stronger, tmp_path)
    assert set(read_entries(tmp_path)) == {"idea", "idea (weight=2.0)"}


def tampered(content: dict[str, object]) -> dict[str, object]:
    content["seeds"][0]["metrics"]["trait_accuracy"] = 0.01  # type: ignore[index]
    return content


BROKEN_FILES: dict[str, tuple[Callable[[dict[str, object]], object], str]] = {
    "a number changed": (tampered, "changed after it was written"),
    "a hash changed": (lambda content: content | {"digest": "0" * 64}, "changed after"),
    "an unknown schema": (
        lambda content: content | {"schema_version": 99},
        "schema version 99",
    ),
    "an unknown field": (lambda content: content | {"extra": 1}, "extra"),
    "a list": (lambda content: [content], "schema version None"),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_a_damaged_entry_is_refused_in_one_line_that_names_it(
    case: str, tmp_path: Path
) -> None:
    change, expected = BROKEN_FILES[case]
    path = tmp_path / "idea.json"
    write_run(path, make_run("idea", around(0)))
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(BenchmarkError, match=expected) as refused:
        read_entries(tmp_path)
    assert "idea.json" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_files_of_one_entry_are_refused(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        write_run(tmp_path / name, make_run("idea", around(0)))
    with pytest.raises(BenchmarkError, match=r"b\.json and a\.json both hold"):
        read_entries(tmp_path)
