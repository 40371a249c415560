"""The leaderboard's page shows its entries as they are, in one order."""

import re
from pathlib import Path

import numpy as np

from subliminal_bench.reports.leaderboard import leaderboard_page, render_leaderboard
from subliminal_bench.results.entries import read_entries
from subliminal_bench.results.run import Twin, write_run
from subliminal_bench.scoring.ranking import rank_entries
from tests.support.leaderboards import REFERENCES, around, page
from tests.support.runs import make_run
from tests.support.verified import REFUTED, verify_by_hand
from tests.support.weights import with_changes


def test_somebodys_text_is_shown_as_it_is() -> None:
    run = make_run("idea", around(-0.1))
    record = run.mitigation.model_copy(update={"reference": "a|b\n<script>*c*"})
    text = page(run.model_copy(update={"mitigation": record}))
    assert "a\\|b \\<script\\>\\*c\\*" in text


def cells(text: str) -> dict[str, dict[str, str]]:
    """The cells of the first tables, by entry and heading."""
    found: dict[str, dict[str, str]] = {}
    headings: list[str] = []
    for line in text.split("## What")[0].splitlines():
        parts = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| rank"):
            headings = parts
        elif line.startswith("| "):
            row = dict(zip(headings, parts, strict=True))
            found[row["entry"]] = row
    return found


def test_a_row_says_the_word_the_prevention_and_the_reader() -> None:
    record = {"prior": "strokes"}
    idea = make_run("idea", around(-0.2))
    idea = idea.model_copy(update={"mitigation": idea.mitigation.model_copy(update=record)})
    row = cells(page(idea))["idea"]
    assert row["rank"] == "1"
    assert row["verdict"] == "mitigates"
    assert re.fullmatch(r"\d+ % \(\d+ % to \d+ %\), .+", row["prevention (95 %), by reader"])
    assert "±" in row["expressed [%]"]
    assert "±" in row["latent [%]"]
    assert "at most" in row["final KL ratio"]
    assert row["seeds"] == "1-20"
    assert row["prior"] == "strokes"
    assert row["twin's prevention"] == ""


def test_a_twin_that_does_the_same_leaves_no_prevention() -> None:
    idea = make_run("idea", around(-0.2))
    twin = Twin(settings={"weight": 0.0}, seeds=make_run("twin", around(-0.2)).seeds)
    row = cells(page(idea.model_copy(update={"twin": twin})))["idea"]
    assert re.match(r"\d\d % \(", row["twin's prevention"])
    # The smaller of the two preventions counts.
    assert re.match(r"-?\d % \(", row["prevention (95 %), by reader"])


def test_the_sort_key_stands_above_every_table() -> None:
    lines = page().splitlines()
    heads = [place for place, line in enumerate(lines) if line.startswith("| rank")]
    assert len(heads) == 2
    for place in heads:
        assert lines[place - 2].startswith("Sorted by the verdict's word (removes, mitigates")


def test_an_entry_without_a_rank_is_listed_with_the_reason() -> None:
    text = page(make_run("frozen", [0.09] * 20, kl_fresh=9e-3, trait_loss_final=2.4))
    assert cells(text)["frozen"]["rank"] == "–"
    assert (
        "- frozen: suppresses by not distilling: it has less of the trait because it hardly "
        "distilled." in text
    )


def test_only_what_was_verified_is_ranked_and_the_page_says_why_the_rest_is_not(
    tmp_path: Path,
) -> None:
    for run in REFERENCES:
        verify_by_hand(tmp_path, run, REFERENCES[0])
    write_run(tmp_path / "entries" / "idea.json", make_run("idea", around(-0.3)))
    text = leaderboard_page(tmp_path)[1]
    found = cells(text)
    assert (found["idea"]["rank"], found["baseline"]["rank"]) == ("–", "2")
    assert "- idea: nobody but its submitter ran it (subliminal-bench score-sub" in text
    provenance = text.partition("## Provenance")[2]
    assert "20 fresh seeds" in provenance


def test_a_refuted_entry_is_shown_as_refuted_with_what_and_when(tmp_path: Path) -> None:
    for run in REFERENCES:
        verify_by_hand(tmp_path, run, REFERENCES[0])
    before = leaderboard_page(tmp_path)[1]
    verify_by_hand(tmp_path, REFERENCES[1], REFERENCES[0], claims=(REFUTED,))
    text = leaderboard_page(tmp_path)[1]
    # The page that shows it as ranked is stale now.
    assert text != before
    row = cells(text)["liminal"]
    assert (row["rank"], row["verdict"]) == ("–", "refuted")
    assert "- liminal: refuted on 2025-01-31: classes: 0.5 \\| 0.3 in another order." in text
    assert "| refuted " in text.partition("## Provenance")[2]


def test_the_same_entries_give_the_same_bytes_in_any_order() -> None:
    extra = make_run("extra", around(-0.15))
    named = {run.mitigation.name: run for run in (*REFERENCES, extra)}
    backwards = dict(reversed(named.items()))
    assert render_leaderboard(rank_entries(named)) == render_leaderboard(
        rank_entries(backwards)
    )


def test_many_entries_make_one_page_in_the_order_of_their_preventions(tmp_path: Path) -> None:
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
        "With 20 seeds, a prevention on every reader is found four times in five when"
        in page(make_run("idea", around(-0.2)))
    )


def test_weights_far_from_usual_are_a_mark_in_the_row_and_no_bar_to_its_rank() -> None:
    idea = make_run("idea", around(-0.2))
    honest, marked = (
        page(with_changes(idea, exchanged={"layer1": share})) for share in (0.0, 0.31)
    )
    assert cells(honest).keys() ^ cells(marked).keys() == {"idea", "idea †"}
    (before,), (after,) = (
        [row for name, row in cells(text).items() if name.startswith("idea")]
        for text in (honest, marked)
    )
    assert {**after, "entry": "idea"} == before
    assert "- idea: 31 % of the units of its first layer were permuted." in marked
    assert "†" not in honest
