"""`regress` ends with the code of its outcome, and renews numbers only after a yes."""

from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.tracks import PROTOCOLS
from subliminal_bench.results.entries import entries_folder
from subliminal_bench.results.jsonfile import write_record
from subliminal_bench.results.run import Run, read_run, write_run
from subliminal_bench.results.thinned import read_thinned
from subliminal_bench.running.bench import Bench
from subliminal_bench.verification import rerun
from tests.support.runs import keep, keep_curves, make_run
from tests.support.terminal import ON_TINY, Terminal
from tests.support.tolerances import tolerances


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A leaderboard's folder with numbers of the test protocol."""
    folder = tmp_path / "board"
    tiny = PROTOCOLS["tiny"]
    for name in ("baseline", "liminal"):
        run = make_run(name, [0.5] * 3, protocol=tiny)
        write_run(entries_folder(tiny, folder) / f"{name}.json", run)
    write_record(folder / "tolerances" / "tiny.json", tolerances(tiny))
    return folder


@pytest.fixture
def reruns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answers reruns with the numbers of `board`, at once; lists what was rerun."""
    asked: list[str] = []

    def answer(
        bench: Bench,
        names: list[str],
        seeds: tuple[int, ...],
        shared: Path | None = None,
        show_blind: bool = False,
    ) -> dict[str, Run]:
        asked.extend(f"{bench.protocol.name} {name}" for name in names)
        return {
            name: make_run(
                name, [0.5] * len(seeds), protocol=bench.protocol, first_seed=seeds[0]
            )
            for name in names
        }

    monkeypatch.setattr(rerun, "rerun_entries", answer)
    monkeypatch.setattr(rerun, "protocols_behind", lambda chosen: [chosen])
    monkeypatch.delenv("CI", raising=False)
    return asked


@pytest.mark.usefixtures("tiny")
class TestTheCommand:
    def test_it_passes_with_code_0(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        done = type_in(
            "regress", *ON_TINY, "--leaderboard", board, "--entries", "baseline,liminal"
        )
        assert done.code == 0
        assert reruns == ["tiny baseline", "tiny liminal"]
        first, second = done.out.splitlines()
        assert first.startswith("passed: tiny-v1: baseline: seeds 1-3 within float chaos")
        assert second.startswith("passed: tiny-v1: liminal: ")

    def test_a_regression_ends_with_code_1(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        moved = make_run("baseline", [0.51] * 3, protocol=PROTOCOLS["tiny"])
        write_run(board / "references" / "tiny" / "baseline.json", moved)
        done = type_in(
            "regress", *ON_TINY, "--leaderboard", board, "--entries", "baseline,liminal"
        )
        assert done.code == 1
        first, second = done.out.splitlines()
        assert first.startswith(
            "regressed: tiny-v1: baseline: trait_accuracy, seeds 1-3: 0.51 -> 0.5"
        )
        assert second.startswith("passed: ")

    def test_an_entry_or_seed_without_numbers_is_new_with_code_3(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        done = type_in("regress", *ON_TINY, "--leaderboard", board)
        assert done.code == 3
        assert "new: tiny-v1: projection: " in done.out
        done = type_in(
            "regress",
            *ON_TINY,
            "--leaderboard",
            board,
            "--entries",
            "liminal",
            "--seeds",
            "2-5",
        )
        assert done.code == 3
        assert done.out.splitlines() == [
            "new: tiny-v1: liminal: no reference numbers yet for seeds 4-5"
        ]

    def test_no_baseline_file_ends_with_code_4_and_runs_nothing(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        (board / "references" / "tiny" / "baseline.json").unlink()
        done = type_in("regress", *ON_TINY, "--leaderboard", board, "--entries", "liminal")
        assert done.code == 4
        assert done.out.startswith("no baseline file: tiny-v1: liminal: ")
        assert reruns == []

    def test_numbers_of_another_version_end_with_code_5(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        newer = replace(PROTOCOLS["tiny"], version=2)
        with mock.patch.dict(PROTOCOLS, tiny=newer):
            done = type_in("regress", *ON_TINY, "--leaderboard", board, "--entries", "baseline")
        assert done.code == 5
        (line,) = done.out.splitlines()
        assert line.startswith("other protocol: tiny-v2: baseline: ")
        assert "belong to tiny-v1" in line
        assert reruns == []

    def test_a_table_shows_every_metric(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        done = type_in(
            "regress", *ON_TINY, "--leaderboard", board, "--entries", "baseline", "--table"
        )
        for metric in METRICS:
            assert f"\n{metric} " in done.out
        assert max(map(len, done.out.splitlines()[1:])) <= 80

    @pytest.mark.parametrize("entries", ["", "baseline,baseline", "nothing"])
    def test_unusable_entries_are_one_line(
        self, entries: str, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        done = type_in("regress", *ON_TINY, "--leaderboard", board, "--entries", entries)
        if entries == "nothing":
            assert done.code == 3
        else:
            assert "write different names" in done.error

    def test_a_protocol_without_tolerances_says_how_to_measure_them(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        (board / "tolerances" / "tiny.json").unlink()
        done = type_in("regress", *ON_TINY, "--leaderboard", board, "--entries", "baseline")
        assert "benchmarks.float_chaos" in done.error


@pytest.mark.usefixtures("tiny")
class TestRenewal:
    def path(self, board: Path) -> Path:
        return board / "references" / "tiny" / "liminal.json"

    def renew(self, type_in: Terminal, board: Path, *options: str) -> tuple[int, str, str]:
        done = type_in(
            "regress",
            *ON_TINY,
            *("--leaderboard", board, "--entries", "liminal", "--update-reference", *options),
        )
        return done.code, done.out, done.err

    def test_old_and_new_numbers_are_shown_before_new_ones_are_written(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        old = make_run("liminal", [0.4, 0.7], protocol=PROTOCOLS["tiny"])
        write_run(self.path(board), old)
        code, out, _ = self.renew(type_in, board, "--yes")
        assert code == 0
        row = next(line for line in out.splitlines() if line.startswith("trait accuracy [%]"))
        assert row.split()[3:] == ["55.00", "50.00", "-20.00"]
        assert out.index("55.00") < out.index("written: ")
        assert read_run(self.path(board)).column("trait_accuracy") == [0.5, 0.5]

    def test_the_curves_of_new_numbers_are_kept_beside_them(
        self,
        type_in: Terminal,
        board: Path,
        reruns: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        answer = rerun.rerun_entries

        def with_curves(
            bench: Bench,
            names: list[str],
            seeds: tuple[int, ...],
            shared: Path,
            show_blind: bool = False,
        ) -> dict[str, Run]:
            runs = answer(bench, names, seeds, shared, show_blind)
            for run in runs.values():
                keep_curves(keep(shared, run), run)
            return runs

        monkeypatch.setattr(rerun, "rerun_entries", with_curves)
        code, _, _ = self.renew(type_in, board, "--yes")
        assert code == 0
        assert (board / "curves" / "tiny" / "liminal.npz").is_file()
        assert set(read_thinned(board, read_run(self.path(board)))) == {1, 2, 3}

    def test_without_a_yes_nothing_is_written(
        self,
        type_in: Terminal,
        board: Path,
        reruns: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        before = self.path(board).read_bytes()
        monkeypatch.setattr("typer.confirm", lambda *_: False)
        code, out, _ = self.renew(type_in, board)
        assert code == 0
        assert out.endswith("nothing was written\n")
        assert self.path(board).read_bytes() == before

    @pytest.mark.parametrize("value", ["true", "1"])
    def test_ci_never_renews(
        self,
        value: str,
        type_in: Terminal,
        board: Path,
        reruns: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("CI", value)
        before = self.path(board).read_bytes()
        code, _, error = self.renew(type_in, board, "--yes")
        assert code == 2
        assert "CI must not write new reference numbers" in error
        assert reruns == []
        assert self.path(board).read_bytes() == before

    def test_first_numbers_need_seeds(
        self, type_in: Terminal, board: Path, reruns: list[str]
    ) -> None:
        self.path(board).unlink()
        code, _, error = self.renew(type_in, board, "--yes")
        assert code == 2
        assert "--seeds" in error
        code, out, _ = self.renew(type_in, board, "--yes", "--seeds", "1-4")
        assert code == 0
        assert "no numbers before" in out
        assert read_run(self.path(board)).seed_numbers == (1, 2, 3, 4)
