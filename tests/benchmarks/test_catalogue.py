"""The catalogue of tricks on the test protocol: kept seeds, and a row for each trick."""

from pathlib import Path

import pytest

from benchmarks import catalogue
from benchmarks.catalogue import finished, rows
from benchmarks.tricks import TRICKS
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.scoring.words import VerdictWord
from tests.conftest import TINY


def test_each_trick_has_a_row_and_a_finished_seed_is_read_again(
    tmp_path: Path, embedded_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = [finished(TINY, seed, embedded_digits, tmp_path) for seed in (1, 2)]
    found = rows(TINY, seeds)
    assert {row.trick for row in found} >= {"plain", "averaged weights", *TRICKS}
    assert {row.word for row in found} == {VerdictWord.TOO_FEW}
    assert all(len(row.cells) == len(catalogue.HEADINGS) for row in found)
    # Neither trained nor measured a second time.
    for name in ("train", "measured"):
        monkeypatch.delattr(catalogue, name)
    assert [finished(TINY, seed, embedded_digits, tmp_path) for seed in (1, 2)] == seeds


def test_a_new_trick_is_measured_on_students_that_are_kept(
    tmp_path: Path, embedded_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = finished(TINY, 1, embedded_digits, tmp_path)
    monkeypatch.setitem(TRICKS, "another", TRICKS["tiny class logits"])
    monkeypatch.delattr(catalogue, "train")
    after = finished(TINY, 1, embedded_digits, tmp_path)
    assert after.students.keys() - before.students.keys() == {"another"}
    assert after.students["another"] == after.students["tiny class logits"]
    assert after.students["plain"] == before.students["plain"]
