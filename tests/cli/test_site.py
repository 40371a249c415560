"""`site`: a folder of pages, which `--check` compares."""

from pathlib import Path

from tests.support.leaderboards import REFERENCES
from tests.support.terminal import Terminal
from tests.support.verified import verify_by_hand


def test_a_site_is_written_checked_and_told_from_a_stale_one(
    type_in: Terminal, tmp_path: Path
) -> None:
    board, out = tmp_path / "board", tmp_path / "site"
    for run in REFERENCES:
        verify_by_hand(board, run, REFERENCES[0])
    done = type_in("site", "-o", out, "--leaderboard", board)
    assert done.code == 0, done.err
    assert f"open {out / 'index.html'}" in done.out
    assert {path.name for path in out.iterdir()} == {"index.html", "entries", "tracks", "docs"}
    (out / "entries" / "liminal.html").write_text("edited")
    stale = type_in("site", "-o", out, "--check", "--leaderboard", board)
    assert stale.code == 1
    assert stale.out.splitlines() == [
        f"stale: {out / 'entries' / 'liminal.html'}",
        "run subliminal-bench site",
    ]
    # Checking wrote nothing.
    assert (out / "entries" / "liminal.html").read_text() == "edited"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    refused = type_in("site", "-o", tmp_path / "mine", "--leaderboard", board)
    assert refused.code == 2
    assert "holds something else than a site" in refused.error
