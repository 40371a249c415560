"""`submit` prepares a folder with a source in it, and no number."""

import re
from pathlib import Path

import pytest

from subliminal_bench.results.run import write_run
from subliminal_bench.results.submissions import read_submission
from tests.support.leaderboards import REFERENCES
from tests.support.mitigation_files import CARD, hook, source
from tests.support.runs import make_run
from tests.support.terminal import Ended, Terminal

HALVE = hook("distill_gradient(gradient, step)", "return gradient * helper.FACTOR")


@pytest.fixture
def board(tmp_path: Path) -> Path:
    root = tmp_path / "leaderboard"
    for run in REFERENCES:
        write_run(root / "entries" / f"{run.mitigation.name}.json", run)
    return root


@pytest.fixture
def idea(tmp_path: Path) -> Path:
    path = tmp_path / "own" / "idea.py"
    path.parent.mkdir()
    path.write_text(source(HALVE, before="import helper\n"))
    (path.parent / "helper.py").write_text("FACTOR = 0.5\n")
    (path.parent / "unrelated.py").write_text("1\n")
    return path


def submitted(type_in: Terminal, board: Path, *arguments: object) -> Ended:
    return type_in("submit", *arguments, "--leaderboard", board)


def test_a_submission_is_all_that_the_mitigation_loads_and_nothing_else(
    type_in: Terminal, board: Path, idea: Path
) -> None:
    done = submitted(type_in, board, idea)
    assert done.code == 0, done.err
    folder = board / "submissions" / "idea"
    found = read_submission(folder)
    assert set(found.files) == {"idea.py", "helper.py", "submission.toml"}
    assert found.files["idea.py"] == idea.read_bytes()
    assert (found.name, found.settings, found.text.tuning) == ("idea", {}, None)
    assert f"score-submission {folder} --rehearse" in done.out
    # No number came with it.
    assert {path.name for path in board.iterdir()} == {"entries", "submissions"}
    assert len(list((board / "entries").iterdir())) == 3


def test_settings_and_tuning_are_told(type_in: Terminal, board: Path, tmp_path: Path) -> None:
    path, log = tmp_path / "idea.py", tmp_path / "tried.csv"
    parameter = "parameters=(Parameter('weight', 1.0, 'strength'),)"
    path.write_text(
        source(
            hook("distill_gradient(gradient, step)", "return gradient"),
            card=CARD.removesuffix(")") + f", {parameter})",
            before="from subliminal_bench import Parameter\n",
        )
    )
    log.write_text("weight,prevention\n0.5,0.01\n2.0,0.03\n")
    tuning = ("--tuning-log", log, "--trials", 2, "--tuned-on", "1001-1003")
    some = submitted(type_in, board, path, *tuning)
    assert "give --tuning-log, --trials, --space and --tuned-on" in some.error
    done = submitted(
        type_in, board, path, *tuning, "--space", "weight 0.5 to 2", "--set", "weight=2.0"
    )
    assert done.code == 0, done.err
    found = read_submission(board / "submissions" / "idea")
    assert found.settings == {"weight": 2.0}
    assert found.text.tuning
    assert (found.text.tuning.trials, found.text.tuning.seeds) == (2, "1001-1003")
    assert found.files["tried.csv"] == log.read_bytes()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (source(before="open('numbers.txt')\n") + "\n", "No such file|tell"),
        (source(HALVE.replace("helper.FACTOR", "open('x').read()")), "does not tell"),
        (source(card="Card('liminal', 'Idea')"), "belongs to a built-in"),
        (source(card="Card('1iminal', 'Idea')"), "can be taken for 'liminal'"),
        (source(card="Card('idea', 'Idea')") + "# \u202e\n", "U\\+202E"),
    ],
    ids=["a file", "a hidden file", "a built-in's name", "a look-alike", "unseen text"],
)
def test_what_no_submission_may_be_is_one_line_and_leaves_nothing(
    type_in: Terminal, board: Path, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "idea.py"
    path.write_text(text)
    done = submitted(type_in, board, path)
    assert done.code == 2

    assert re.search(said, done.error), done.error
    folder = board / "submissions"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_second_version_replaces_the_first_only_if_asked(
    type_in: Terminal, board: Path, idea: Path
) -> None:
    assert submitted(type_in, board, idea).code == 0
    (idea.parent / "helper.py").write_text("FACTOR = 0.25\n")
    assert "already a submission 'idea'" in submitted(type_in, board, idea).error
    before = read_submission(board / "submissions" / "idea")
    assert before.files["helper.py"] == b"FACTOR = 0.5\n"
    assert submitted(type_in, board, idea, "--replace").code == 0
    after = read_submission(board / "submissions" / "idea")
    assert after.files["helper.py"] == b"FACTOR = 0.25\n"
    assert after.sha256 != before.sha256


def test_an_entrys_name_with_another_source_is_refused(
    type_in: Terminal, board: Path, idea: Path
) -> None:
    write_run(board / "entries" / "idea.json", make_run("idea", [0.4] * 20))
    assert "already an entry of 'idea'" in submitted(type_in, board, idea).error


@pytest.mark.parametrize("spec", ["liminal", "missing.py", "liminal+projection"])
def test_only_a_file_can_be_submitted(type_in: Terminal, board: Path, spec: str) -> None:
    assert "is not one .py file" in submitted(type_in, board, spec).error
