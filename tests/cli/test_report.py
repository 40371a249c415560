"""`report` writes a page, or one line and no page."""

from pathlib import Path

import pytest

import subliminal_bench as sb
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.results.run import write_run
from tests.support.reported import LEVELS
from tests.support.runs import make_run
from tests.support.terminal import Terminal


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
