"""`leaderboard` writes its pages and checks them."""

from pathlib import Path

import pytest

from subliminal_bench.experiment.tracks import SKILL
from subliminal_bench.results.run import write_run
from tests.support.leaderboards import REFERENCES
from tests.support.terminal import Terminal
from tests.support.tracks import built_in, commit, idea_on


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A leaderboard with the entries of one track."""
    for run in REFERENCES:
        write_run(tmp_path / "board" / "entries" / f"{run.mitigation.name}.json", run)
    return commit(tmp_path / "board", built_in("baseline", SKILL))


def test_it_writes_a_page_for_a_track_and_notices_when_it_is_stale(
    root: Path, type_in: Terminal
) -> None:
    options = ("--leaderboard", root)
    assert type_in("leaderboard", "--check", *options).code == 1
    ended = type_in("leaderboard", *options)
    page = root / "tracks" / "skill.md"
    assert ended.out == f"written: {root / 'README.md'}\nwritten: {page}\n"
    ended = type_in("leaderboard", "--check", *options)
    assert (ended.code, ended.out.count("fresh: ")) == (0, 2)
    commit(root, idea_on(SKILL))
    ended = type_in("leaderboard", "--check", *options)
    assert ended.code == 1
    # The leaderboard's own page links to the same tracks as before.
    assert ended.out == (
        f"stale: {page} does not show its entries: run subliminal-bench leaderboard\n"
    )


def test_a_page_without_entries_is_stale_and_is_removed(root: Path, type_in: Terminal) -> None:
    options = ("--leaderboard", root)
    type_in("leaderboard", *options)
    page = root / "tracks" / "skill.md"
    (root / "references" / "skill" / "baseline.json").unlink()
    ended = type_in("leaderboard", "--check", *options)
    assert ended.code == 1
    assert f"stale: {page}" in ended.out
    assert f"removed: {page}" in type_in("leaderboard", *options).out
    assert not page.exists()
    assert type_in("leaderboard", "--check", *options).code == 0
