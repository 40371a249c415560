"""`study`: from an idea to a table, a picture and a log; and from the log to a submission."""

from pathlib import Path

import pytest

from subliminal_bench.reports.study.front import study_svg
from subliminal_bench.results.store import Store
from subliminal_bench.results.submissions import read_submission
from subliminal_bench.running.study.finding_studies import shown_study
from tests.support.studies import by_hand, holds, stops_earlier, write_source
from tests.support.terminal import ON_TINY, Terminal

TRIED = ("--trials", 5, "--seeds", "1001-1006", "--store", "store", *ON_TINY)


def test_an_idea_becomes_a_table_a_picture_and_a_log(
    type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_source(tmp_path)
    with by_hand(monkeypatch, holds):
        done = type_in("study", path, *TRIED)
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    assert "recommended  #" in done.out
    assert "on seeds 2001-2006, which chose nothing" in " ".join(done.out.split())
    assert "score it     subliminal-bench run " in done.out
    drawn = (tmp_path / "study-holds" / "front.svg").read_text()
    assert "plain distillation's path" in drawn
    (tmp_path / "study-holds" / "front.svg").unlink()
    Path(path).unlink()
    again = type_in("study", "holds", "--show", "--store", "store", "--protocol", "tiny")
    assert again.out == done.out
    assert (tmp_path / "study-holds" / "front.svg").read_text() == drawn


def test_without_anything_to_recommend_it_says_so(
    type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with by_hand(monkeypatch, stops_earlier):
        done = type_in("study", write_source(tmp_path), *TRIED)
    assert "recommended  none: the best that keeps the final KL is #" in done.out
    assert "only more than 10 % counts" in " ".join(done.out.split())


def test_the_log_fills_in_all_that_a_submission_says_of_tuning(
    type_in: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_source(tmp_path)
    with by_hand(monkeypatch, holds):
        type_in("study", path, *TRIED)
    (tmp_path / "leaderboard" / "entries").mkdir(parents=True)
    done = type_in(
        "submit", path, "--set", "weight=0.2", "--tuning-log", "study-holds/trials.csv"
    )
    assert done.code == 0, done.err
    assert "no rank" not in done.out
    tuning = read_submission(tmp_path / "leaderboard" / "submissions" / "holds").text.tuning
    assert tuning
    assert (tuning.trials, tuning.space, tuning.seeds) == (5, "weight=0.01..1:log", "1001-1006")


def test_submit_asks_what_was_tuned_and_warns_of_seeds_that_rank(
    type_in: Terminal, tmp_path: Path
) -> None:
    path = write_source(tmp_path)
    (tmp_path / "leaderboard" / "entries").mkdir(parents=True)
    assert "if you tried any" in type_in("submit", path).out
    (tmp_path / "log.csv").write_text("weight\n0.1\n")
    told = ("--tuning-log", "log.csv", "--trials", 1, "--space", "weight", "--tuned-on", "1-3")
    done = type_in("submit", path, "--replace", *told)
    assert "no rank: its settings were tuned on seeds 1-3" in done.out


MISTAKES = [
    (("--seeds", "1-3"), "settings are tried on seeds 1001 to 2000"),
    (("--trials", 0), "a study has 1 to 9999 trials"),
    (("--space", "weight=1"), "two different values"),
    (("--ablate", "--space", "weight=0..1"), "leave out --show and --space"),
    (("--show", "--store", "none"), "no study of"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES)
def test_a_mistake_is_one_line(
    words: tuple[object, ...], said: str, type_in: Terminal, tmp_path: Path
) -> None:
    typed = type_in("study", write_source(tmp_path), "--protocol", "tiny", *words)
    assert said in typed.error
    assert not Path("subliminal-results").exists()


def test_the_entries_of_the_protocol_are_drawn_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, type_in: Terminal
) -> None:
    path = write_source(tmp_path)
    with by_hand(monkeypatch, holds):
        more = ("--protocol", "mnist-5k", "--device", "cpu", "--store", "store", "--no-check")
        done = type_in("study", path, "--trials", 1, *more)
    assert done.code == 0, done.err
    svg = study_svg(shown_study(Store(tmp_path / "store"), "holds"))
    assert svg
    assert "committed entry, on its own seeds" in svg
    assert ">projection<" in svg
