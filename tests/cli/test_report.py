"""`report` writes a page, or one line and no page."""

from pathlib import Path

import pytest

import subliminal_bench as sb
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.experiment.tracks import BACKDOOR
from subliminal_bench.reports import svg
from subliminal_bench.results.run import write_run
from tests.support.reported import LEVELS
from tests.support.runs import make_run
from tests.support.terminal import Terminal
from tests.support.tracks import fill, idea_on, references_on


class TestCommand:
    def test_a_committed_entry_is_reported(self, type_in: Terminal, tmp_path: Path) -> None:
        ended = type_in("report", "liminal", "--protocol", "mnist", "-o", "out/page.html")
        assert (ended.code, ended.out) == (0, "written: out/page.html\n"), ended.err
        page = (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
        verdict = sb.score("liminal", protocol="mnist", store="there-is-none").verdict
        assert f'<p class="word">{verdict}</p>' in page
        assert "all entries of the leaderboard" in page

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["nothing"], "no run named 'nothing'"),
            (["liminal"], "choose one with --protocol"),
            (
                ["mine.json"],
                "subliminal-bench run baseline --protocol mnist-5k --seeds 901-907",
            ),
            (["liminal", "--protocol", "mnist", "--leaderboard", "none"], "no such folder"),
            (["liminal", "--protocol", "mnist-5k", "-o", "."], "cannot write"),
        ],
    )
    def test_a_mistake_is_one_line_and_no_page(
        self, arguments: list[str], said: str, type_in: Terminal, tmp_path: Path
    ) -> None:
        mine = make_run("idea", list(LEVELS[:7]), protocol=MNIST_5K, first_seed=901)
        write_run(tmp_path / "mine.json", mine)
        assert said in type_in("report", *arguments).error
        assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]

    def test_runs_of_different_protocols_are_refused(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        write_run(tmp_path / "a.json", make_run("a", [0.5], protocol=MNIST_5K))
        write_run(tmp_path / "b.json", make_run("b", [0.5]))
        assert "never compared" in type_in("report", "a.json", "b.json").error


class TestTracks:
    @pytest.fixture
    def store(self, tmp_path: Path) -> Path:
        """`idea` and the references on the backdoor track only."""
        (tmp_path / "board").mkdir()
        return fill(tmp_path / "store", *references_on(BACKDOOR), idea_on(BACKDOOR))

    def test_the_page_begins_with_the_first_track_that_it_ran_on_and_shows_all(
        self,
        store: Path,
        type_in: Terminal,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # Drawings take most of a page's time, and nobody looks at these.
        monkeypatch.setattr(svg, "svg_document", lambda *_: '<svg viewBox="0 0 1 1"></svg>')
        options = ("--store", store, "--leaderboard", tmp_path / "board")
        ended = type_in("report", "idea", "--track", "skill,backdoor", *options)
        assert (ended.code, ended.out) == (0, "written: report.html\n"), ended.err
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "Protocol backdoor-v1, every entry" in page
        part = page.partition('<section id="tracks">')[2]
        assert "<li>skill: no finished run</li>" in part
        assert "backdoor</th><td>mitigates</td>" in part

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["idea", "--track", "nothing"], "unknown protocol 'nothing'"),
            (["idea", "--track", "skill"], "no run named 'idea' under skill in"),
            (["idea", "--track", "backdoor,backdoor"], "is named twice"),
            (["idea", "--track", ""], "unknown protocol ''"),
            (["idea", "--track", "skill", "--protocol", "skill"], "no run named 'idea' under"),
        ],
    )
    def test_a_mistake_about_tracks_is_one_line_and_no_page(
        self, arguments: list[str], said: str, store: Path, type_in: Terminal, tmp_path: Path
    ) -> None:
        assert said in type_in("report", *arguments, "--store", store).error
        assert not (tmp_path / "report.html").exists()
