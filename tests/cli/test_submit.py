"""`submit` writes an entry and the curves beside it, and `report` draws them."""

from pathlib import Path

from subliminal_bench.results.entries import read_entries
from subliminal_bench.results.run import write_run
from subliminal_bench.results.thinned import read_thinned
from tests.support.leaderboards import REFERENCES, around
from tests.support.runs import keep, keep_curves, make_run
from tests.support.terminal import Terminal

RUN = make_run("idea", around(-0.2))


def board(folder: Path) -> Path:
    root = folder / "leaderboard"
    for run in REFERENCES:
        write_run(root / "entries" / f"{run.mitigation.name}.json", run)
    return root


def test_an_entrys_curves_are_kept_and_drawn_where_the_store_has_none(
    type_in: Terminal, tmp_path: Path
) -> None:
    root = board(tmp_path)
    keep_curves(keep(tmp_path / "store", RUN), RUN, steps=40)
    done = type_in("submit", "idea", "--leaderboard", root, "--store", tmp_path / "store")
    assert done.code == 0, done.err
    assert read_entries(root / "entries")["idea"] == RUN
    assert set(read_thinned(root, RUN)) == set(RUN.seed_numbers)
    written = root / "entries" / "idea.json"
    done = type_in(
        "report", written, "--leaderboard", root, "--store", "none", "-o", "page.html"
    )
    assert done.code == 0, done.err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<li>idea: thinned curves, one step in 10" in page


def test_a_run_without_curves_replaces_the_entry_and_removes_stale_ones(
    type_in: Terminal, tmp_path: Path
) -> None:
    root = board(tmp_path)
    keep_curves(keep(tmp_path / "store", RUN), RUN, steps=40)
    type_in("submit", "idea", "--leaderboard", root, "--store", tmp_path / "store")
    write_run(tmp_path / "new.json", make_run("idea", around(-0.1)))
    done = type_in("submit", "new.json", "--replace", "--leaderboard", root, "--store", "none")
    assert done.code == 0, done.err
    assert list((root / "curves").iterdir()) == []
