"""The leaderboard's page shows its entries as they are, in one order."""

from pathlib import Path

import numpy as np

from subliminal_bench import shipped
from subliminal_bench.reports.leaderboard import leaderboard_page, render_leaderboard
from subliminal_bench.results.entries import read_entries
from subliminal_bench.results.run import write_run
from subliminal_bench.scoring.ranking import rank_entries
from tests.support.leaderboards import REFERENCES, around, page
from tests.support.runs import make_run


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


def test_the_committed_page_shows_the_committed_entries() -> None:
    root = shipped.folder("leaderboard")
    page, fresh = leaderboard_page(root)
    assert page.read_text(encoding="utf-8") == fresh
