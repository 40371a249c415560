"""A study finds what is best, recommends only what prevents, and goes on where it stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from subliminal_bench.errors import BenchmarkError, MitigationError, SeedsError
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.results.store import Store
from subliminal_bench.results.study_folder import find_studies
from subliminal_bench.running.progress import Silent
from subliminal_bench.running.study.finding_studies import shown_study
from subliminal_bench.running.study.study import CHECK_SEEDS, TUNING_SEEDS, tuning_seeds
from tests.support.studies import by_hand, holds, stops_earlier, study, write_source

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.usefixtures("tiny")


def test_the_best_setting_of_a_mitigation_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with by_hand(monkeypatch, holds):
        found = study(tmp_path, write_source(tmp_path), trials=16).load().run()
    assert len(found.trials) == 16
    assert found.recommended
    # It prevents 45 % at .2, and at the ends of this range 36 %.
    assert 0.12 < float(found.recommended.settings["weight"]) < 0.33
    assert found.trials[0].tried.origin == "card"
    assert {one.tried.origin for one in found.trials[7:]} == {"optimiser"}


def test_a_setting_that_merely_stops_earlier_is_never_recommended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        with by_hand(monkeypatch, stops_earlier):
            found = study(tmp_path, write_source(tmp_path, name), trials=12).load().run()
        assert len(found.complete) > 5
        assert found.best, "some keep the KL"
        assert found.recommended is None


def test_the_best_setting_is_checked_on_seeds_that_chose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_source(tmp_path)
    with by_hand(monkeypatch, holds) as ran:
        found = study(tmp_path, path, trials=3).load().run()
        assert found.check
        assert found.check.seeds == tuple(range(2001, 2007))
        tried = {int(one.rpartition(" ")[2]) for one in ran} - set(found.check.seeds)
        assert tried == set(found.record.seeds) == set(range(1001, 1007))
        # With more trials another setting is best, and gets seeds of its own.
        more = study(tmp_path, path, trials=10).load().run()
    assert more.best
    assert found.best
    assert more.best.number != found.best.number
    assert more.check
    assert set(more.check.seeds).isdisjoint(found.check.seeds)


def test_no_seed_that_ranks_or_verifies_is_ever_tried() -> None:
    assert {*TUNING_SEEDS, *CHECK_SEEDS}.isdisjoint(range(1, 1001))
    assert CHECK_SEEDS[-1] <= MNIST_5K.highest_seed
    for seeds in ("1-3", "101", "1001,1000", "2001-2002"):
        with pytest.raises(SeedsError, match="tried on seeds 1001 to 2000"):
            tuning_seeds(seeds, MNIST_5K)


class Stops(Silent):
    """Interrupts at the n-th line."""

    def __init__(self, line: int) -> None:
        self.left = line

    def say(self, line: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_a_study_that_was_stopped_twice_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = study(tmp_path, write_source(tmp_path), trials=8)
    with by_hand(monkeypatch, holds) as ran:
        for line in (2, 3):
            with pytest.raises(KeyboardInterrupt):
                chosen.load().run(Stops(line))
        found = chosen.load().run()
        assert len(ran) == len(set(ran))
    other = tmp_path / "other"
    other.mkdir()
    with by_hand(monkeypatch, holds):
        whole = study(other, write_source(other), trials=8).load().run()
    assert [one.settings for one in found.trials] == [one.settings for one in whole.trials]
    assert found.best
    assert whole.best
    assert found.best.settings == whole.best.settings


def test_a_trial_that_nobody_ended_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = study(tmp_path, write_source(tmp_path), trials=3)
    with by_hand(monkeypatch, holds):
        before = chosen.load().run()
        (folder,) = find_studies(Store(tmp_path / "store"), "holds", None)
        (folder.path / "outcome-0002.json").unlink()
        after = chosen.load().run()
    assert after.trials == before.trials


def test_it_is_redrawn_from_the_store_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_source(tmp_path)
    with by_hand(monkeypatch, holds):
        found = study(tmp_path, path, trials=3).load().run()
    Path(path).unlink()
    again = shown_study(Store(tmp_path / "store"), "holds", "tiny")
    assert again.trials == found.trials
    assert shown_study(Store(tmp_path / "store"), found.folder).record == found.record
    with pytest.raises(BenchmarkError, match="no study of holds under mnist"):
        shown_study(Store(tmp_path / "store"), "holds", "mnist")


def test_another_source_space_or_seeds_is_another_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_source(tmp_path)
    with by_hand(monkeypatch, holds):
        for more in ({}, {"seeds": "1001-1003"}, {"space": ["weight=0.1..0.2"]}):
            study(tmp_path, path, trials=1, check=False, **more).load().run()
        Path(path).write_text(Path(path).read_text() + "# Changed.\n")
        study(tmp_path, path, trials=1, check=False).load().run()
    assert len(find_studies(Store(tmp_path / "store"), "holds", None)) == 4


def test_a_small_space_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with by_hand(monkeypatch, holds), monkeypatch.context() as patched:
        patched.setattr(Silent, "say", lambda self, line: said.append(line))
        found = (
            study(tmp_path, write_source(tmp_path), space=["weight=0.1,0.2,0.4"]).load().run()
        )
    assert sorted(float(one.settings["weight"]) for one in found.trials) == [0.1, 0.2, 0.4]
    assert "all settings of the space have been tried" in said


def test_a_mitigation_that_always_fails_stops_the_study(tmp_path: Path) -> None:
    path = Path(write_source(tmp_path))
    path.write_text(path.read_text().replace("return gradient *", "return None *"))
    with pytest.raises(MitigationError, match="all 3 trials failed, the last one with"):
        study(tmp_path, str(path), seeds="1001-1002").load().run()


def test_trials_are_trained_and_their_runs_are_in_the_store(tmp_path: Path) -> None:
    """The same without anything made by hand."""
    path = write_source(tmp_path)
    found = study(tmp_path, path, seeds="1001-1003", trials=3).load().run()
    assert [one.state for one in found.trials] == ["complete"] * 3 or found.complete
    assert len(Store(tmp_path / "store").find("holds", "tiny")) == 3


def process(store: Path, path: str) -> "subprocess.Popen[bytes]":
    """A study in a process of its own."""
    command = [sys.executable, "-m", "tests.support.study_process", str(store), path]
    return subprocess.Popen(command, cwd=ROOT)


@pytest.mark.slow
def test_two_processes_at_once_share_a_study_and_one_may_be_killed(tmp_path: Path) -> None:
    path = write_source(tmp_path)
    store = tmp_path / "store"
    doomed = process(store, path)
    while not list(store.glob("*/study-*/outcome-*.json")):
        assert doomed.poll() is None
        time.sleep(0.05)
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.wait()
    both = [process(store, path) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    (folder,) = find_studies(Store(store), "holds", None)
    trials = folder.trials()
    assert [one.number for one in trials] == list(range(1, 9))
    assert folder.outcomes().keys() == set(range(1, 9))
    assert len({str(one.settings) for one in trials}) == 8
