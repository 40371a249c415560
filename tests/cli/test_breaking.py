"""`break`, as it is typed."""

import json
import re
from pathlib import Path

import pytest

from subliminal_bench.results.breaks import BreakRecord
from subliminal_bench.results.jsonfile import read_record
from tests.support.plugins_for_tests import scaling_source, write
from tests.support.reader_files import reader_source
from tests.support.terminal import ON_TINY, Terminal

SEEDS = ("--seeds", "1-2")


def test_it_prints_a_short_table_in_words(type_in: Terminal, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", reader_source())
    done = type_in("break", "liminal", "mine.py", *SEEDS, *ON_TINY)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "mine reads liminal: tiny-v1, seeds 1-2"
    assert max(map(len, lines)) <= 80
    for name in ("share found", "the verdict's best", "accuracy", "controls", "the reader"):
        assert [line for line in lines if line.startswith(f"{name} ")], name
    assert "does not count: somebody chose the seeds" in done.out
    assert "what follows       nothing, because the reader does not count" in done.out
    assert "liminal: the store has no weights of seeds 1-2; they are trained first" in done.err
    again = type_in("break", "liminal", "mine.py", *SEEDS, *ON_TINY)
    assert "trained first" not in again.err
    # Only the decoys are drawn anew.
    assert _without_controls(again.out) == _without_controls(done.out)


def _without_controls(out: str) -> str:
    return re.sub(r"^controls.*?^(?=the reader)", "", out, flags=re.MULTILINE | re.DOTALL)


def test_an_entry_is_named_as_elsewhere(type_in: Terminal, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", reader_source())
    write(tmp_path / "halve.py", scaling_source())
    ran = type_in("run", "halve.py", *SEEDS, *ON_TINY, "--out", "halve.json")
    assert ran.code == 0, ran.err
    (folder,) = (tmp_path / "subliminal-results" / "tiny-v1").glob("halve-*")
    for name in ("halve.py", "liminal:temperature=3.0"):
        done = type_in("break", name, "mine.py", *SEEDS, *ON_TINY)
        assert done.code == 0, done.err
    assert "mine reads liminal (temperature=3.0): tiny-v1" in done.out
    # A run of a file that is not installed cannot be loaded by its name.
    for name in ("halve.json", folder.name):
        assert "unknown mitigation 'halve'" in type_in("break", name, "mine.py", *SEEDS).error


def test_a_run_of_another_source_is_no_entry_to_read(type_in: Terminal, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", reader_source())
    ran = type_in("run", "liminal", *SEEDS, *ON_TINY, "--out", "liminal.json")
    assert ran.code == 0, ran.err
    done = type_in("break", "liminal.json", "mine.py", *SEEDS)
    assert done.code == 0, done.err
    assert "tiny-v1" in done.out
    other = json.loads(Path("liminal.json").read_text())
    other["mitigation"]["source_sha256"] = "a" * 64
    del other["digest"]
    from subliminal_bench.results.run import Run, write_run

    write_run(Path("other.json"), Run.model_validate(other))
    error = type_in("break", "other.json", "mine.py", *SEEDS).error
    assert "is from another source than the mitigation 'liminal' that is found here" in error
    assert (
        "mnist-5k"
        in type_in("break", "liminal.json", "mine.py", "--protocol", "mnist-5k").error
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("liminal", "nobody.py"), "no such file: nobody.py"),
        (("liminal", "nobody"), "unknown reader 'nobody'"),
        (("nobody", "noise_head"), "unknown mitigation 'nobody'"),
        (("liminal", "mine.py", "--record", *SEEDS), "--record needs fresh seeds"),
        (("liminal", "mine.py", "--seeds", "0"), "seeds"),
        (("liminal", "mine.py", "--set-reader", "steps=3"), "mine has no parameter 'steps'"),
        (("liminal", "taken.py"), "the name 'relearning' belongs to a built-in reader"),
        (("liminal", "broken.py", *SEEDS), "broken: hook reader, seed 1: failed: ValueError"),
        (("liminal", "liminal.py"), "no such file"),
    ],
)
def test_a_mistake_is_one_line(
    typed: tuple[str, ...], said: str, type_in: Terminal, tmp_path: Path
) -> None:
    write(tmp_path / "mine.py", reader_source())
    write(tmp_path / "taken.py", reader_source(card="ReaderCard('relearning', 'x', 'x')"))
    write(
        tmp_path / "broken.py",
        reader_source("raise ValueError('no')", card="ReaderCard('broken', 'x', 'x')"),
    )
    error = type_in("break", *typed, *ON_TINY).error
    assert said in error


def test_a_record_says_what_was_found_and_is_made_once(
    type_in: Terminal, tmp_path: Path
) -> None:
    write(tmp_path / "mine.py", reader_source())
    board = tmp_path / "board"
    board.mkdir()
    typed = ("break", "liminal", "mine.py", "--record", "--count", "2", *ON_TINY)
    done = type_in(*typed, "--leaderboard", board)
    assert done.code == 0, done.err
    record = read_record(BreakRecord, board / "breaks" / "liminal-mine.json")
    assert record.reader.name == "mine"
    assert len(record.seeds) == 2
    assert min(record.seeds) > 100
    assert record.entry_isolation
    assert not record.counts
    assert "seeds are drawn once" in type_in(*typed, "--leaderboard", board).error


def test_a_reader_whose_hash_tells_not_all_is_not_recorded(
    type_in: Terminal, tmp_path: Path
) -> None:
    write(tmp_path / "mine.py", reader_source(before="import os\nHERE = os.getenv('HERE')\n"))
    (tmp_path / "board").mkdir()
    error = type_in(
        "break", "liminal", "mine.py", "--record", *ON_TINY, "--leaderboard", tmp_path / "board"
    ).error
    assert "may load what its source does not tell" in error


def test_check_knows_a_reader_from_a_mitigation(type_in: Terminal, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", reader_source())
    done = type_in("check", "mine.py", "--only", "loads,right_predictions")
    assert done.code == 0, done.out
    assert done.out.splitlines()[:2] == ["pass  loads", "pass  right_predictions"]
    lying = reader_source("return teacher.class_logits(images).argmax(1)")
    write(tmp_path / "lying.py", lying)
    done = type_in("check", "lying.py", "--only", "tells_the_untrained_apart")
    assert done.code == 1
    assert "FAIL  tells_the_untrained_apart" in done.out
