"""Thinned curves lie beside an entry, the same to the byte, and never pass for others."""

import time
from pathlib import Path

import numpy as np
import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import CURVES, STEP_CURVES
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.results.thinned import ThinnedCurves, read_thinned, thinned_file
from tests.support.plugins_for_tests import one_line
from tests.support.runs import keep, keep_curves, make_run

STEPS = 295
# Its second seed diverged.
RUN = make_run("idea", [0.5, None, 0.25])


@pytest.fixture
def thinned(tmp_path: Path) -> ThinnedCurves:
    keep_curves(keep(tmp_path / "store", RUN), RUN, steps=STEPS)
    return ThinnedCurves.of(RUN, Store(tmp_path / "store").curves(RUN))


@pytest.fixture
def board(tmp_path: Path, thinned: ThinnedCurves) -> Path:
    root = tmp_path / "board"
    thinned.write(thinned_file(root, RUN))
    return root


def test_every_tenth_step_reads_back_as_it_was(board: Path, tmp_path: Path) -> None:
    found = read_thinned(board, RUN)
    whole = Store(tmp_path / "store").curves(RUN)
    assert set(found) == {1, 3}
    for seed, curves in found.items():
        assert set(curves) == set(CURVES)
        for name, points in curves.items():
            every = 10 if name in STEP_CURVES else 1
            assert points.dtype == np.float32
            assert points.shape == (-(-STEPS // 10),)
            assert np.array_equal(points, whole[seed][name].numpy()[::every])


def test_the_same_curves_give_the_same_bytes_at_any_time(
    thinned: ThinnedCurves, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thinned.write(tmp_path / "a.npz")
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2e9))
    thinned.write(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_each_entry_and_each_protocol_has_its_own_file(tmp_path: Path) -> None:
    assert thinned_file(tmp_path, RUN) == tmp_path / "curves" / "idea.npz"
    small = make_run("idea", [0.5], protocol=MNIST_5K)
    assert thinned_file(tmp_path, small) == tmp_path / "curves" / "mnist-5k" / "idea.npz"
    other = RUN.mitigation.model_copy(update={"settings": {"w": 2.0}, "changed": ["w"]})
    changed = RUN.model_copy(update={"mitigation": other})
    assert thinned_file(tmp_path, changed) != thinned_file(tmp_path, RUN)


def with_other_source(run: Run) -> Run:
    record = run.mitigation.model_copy(update={"source_sha256": "0" * 64})
    return run.model_copy(update={"mitigation": record})


def test_curves_of_other_numbers_or_of_another_source_are_not_taken(board: Path) -> None:
    moved = make_run("idea", [0.5, None, 0.26])
    assert set(read_thinned(board, moved)) == {1}
    assert read_thinned(board, with_other_source(RUN)) == {}


def test_a_part_of_the_seeds_finds_its_curves(board: Path) -> None:
    assert set(read_thinned(board, RUN.only([3]))) == {3}


def test_a_path_that_was_read_later_leaves_the_curves_valid(tmp_path: Path) -> None:
    plain = make_run("baseline", [0.5, 0.6])
    bare = [one.model_copy(update={"path": None}) for one in plain.seeds]
    before = plain.model_copy(update={"seeds": bare})
    curves = {seed: {"trait_loss": np.zeros(30)} for seed in (1, 2)}
    ThinnedCurves.of(before, curves).write(thinned_file(tmp_path, before))
    assert set(read_thinned(tmp_path, plain)) == {1, 2}


def test_no_file_is_no_curves_and_no_curves_are_no_file(board: Path, tmp_path: Path) -> None:
    assert read_thinned(tmp_path / "elsewhere", RUN) == {}
    ThinnedCurves.of(RUN, {}).write(thinned_file(board, RUN))
    assert not thinned_file(board, RUN).exists()
    ThinnedCurves.of(RUN, {}).write(thinned_file(board, RUN))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"{}"])
def test_a_damaged_file_is_one_line(content: bytes, board: Path) -> None:
    thinned_file(board, RUN).write_bytes(content)
    with pytest.raises(ResultError, match=r"cannot read .*idea\.npz") as caught:
        read_thinned(board, RUN)
    one_line(caught.value)


def test_a_file_that_was_cut_is_one_line(board: Path) -> None:
    path = thinned_file(board, RUN)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ResultError, match="cannot read"):
        read_thinned(board, RUN)
