"""Whoever does the jobs, the store comes out the same."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import HookError
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.run import Blindness, read_run, write_run
from subliminal_bench.results.store import Store
from subliminal_bench.running import bench
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.engine import LocalEngine, Needs, Workers
from subliminal_bench.running.jobs import Job, PartialResult, do_job
from subliminal_bench.running.progress import Silent
from subliminal_bench.scoring.scorecard import build_scorecard
from subliminal_bench.training.cohort import Cohort
from tests.conftest import CPU, TINY
from tests.support.files import contents
from tests.support.loaded import NAMES, loaded
from tests.support.plugins_for_tests import mitigation, scaling_source, write
from tests.support.runs import make_run

SEEDS = (1, 2, 3, 4, 5)


class Several(LocalEngine):
    """Does several jobs at once, a part of each in turn, the youngest job first."""

    def __init__(self, room: int = 3, size: int = 1) -> None:
        self.room, self.size = room, size
        self.most = 0
        self.begun: list[Job] = []

    def cohort_size(self, protocol: Protocol, device: torch.device, seeds: int) -> int:
        return self.size

    @contextmanager
    def workers(self, needs: Needs) -> Iterator[Workers]:
        yield _Several(self, needs.digits)


class _Several:
    def __init__(self, engine: Several, digits: Digits) -> None:
        self._engine, self._digits = engine, digits
        self._waiting: list[tuple[Job, Iterator[PartialResult]]] = []

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < self._engine.room

    def begin(self, job: Job) -> None:
        self._waiting.append((job, do_job(job, self._digits, CPU, Silent())))
        self._engine.begun.append(job)
        self._engine.most = max(self._engine.most, len(self._waiting))

    def take(self) -> tuple[Job, PartialResult | None]:
        job, rest = self._waiting.pop()
        piece = next(rest, None)
        if piece is not None:
            self._waiting.insert(0, (job, rest))
        return job, piece


def test_jobs_done_at_once_leave_the_same_store_as_one_after_the_other(tmp_path: Path) -> None:
    engine = Several()
    at_once = Bench(TINY, CPU, Store(tmp_path / "several"), engine=engine)
    in_turn = Bench(TINY, CPU, Store(tmp_path / "one"))
    assert at_once.run(loaded(*NAMES), SEEDS) == in_turn.run(loaded(*NAMES), SEEDS)
    assert engine.most == 3
    assert contents(tmp_path / "several", "seed-*") == contents(tmp_path / "one", "seed-*")


def test_a_job_takes_the_teachers_along_that_are_trained(tmp_path: Path) -> None:
    store, engine = Store(tmp_path), Several()
    Bench(TINY, CPU, store).run(loaded("baseline"), (1, 2))
    Bench(TINY, CPU, store, engine=engine).run(loaded("liminal"), (1, 2, 3))
    assert {seed: job.seeds_without_teacher for job in engine.begun for seed in job.seeds} == {
        1: (),
        2: (),
        3: (3,),
    }


def test_a_cohorts_mitigations_get_the_seeds_that_they_lack(tmp_path: Path) -> None:
    store, engine = Store(tmp_path), Several(size=4)
    Bench(TINY, CPU, store).run(loaded("baseline"), (2,))
    Bench(TINY, CPU, store, engine=engine).run(loaded(*NAMES), SEEDS)
    shares = [[(one.name, mine) for one, mine in job.shares] for job in engine.begun]
    assert shares == [
        [("baseline", (1, 3, 4)), ("liminal", (1, 2, 3, 4))],
        [("baseline", (5,)), ("liminal", (5,))],
    ]


def test_no_more_is_locked_at_once_than_a_process_may_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "_MOST_LOCKS", 4)
    engine = Several(room=9)
    Bench(TINY, CPU, Store(tmp_path), engine=engine).run(loaded(*NAMES), SEEDS)
    assert engine.most == 2


def test_what_was_finished_before_a_hook_failed_is_kept_and_nothing_stays_locked(
    tmp_path: Path,
) -> None:
    failing = scaling_source(factor="0.5").replace(
        "    return step", "    assert step.seeds != (2,)\n    return step"
    )
    path = write(tmp_path / "own.py", failing)
    store = Store(tmp_path / "store")
    chosen = loaded("baseline", str(path))
    with pytest.raises(HookError, match="seed 2"):
        Bench(TINY, CPU, store, engine=Several()).run(chosen, SEEDS)
    here = Bench(TINY, CPU, store).environment
    kept = store.run_folder(TINY, chosen[0], here).finished()
    assert 2 in kept
    # Whoever comes next need not wait.
    (run,) = Bench(TINY, CPU, store).run(loaded("baseline"), SEEDS)
    assert run.seed_numbers == SEEDS


def test_a_run_is_shown_blind_where_that_is_asked_for(tmp_path: Path) -> None:
    chosen = [load_mitigation("baseline"), load_mitigation("projection")]
    bench = Bench(TINY, CPU, Store(tmp_path / "store"))
    baseline, projection = bench.run(chosen, (2, 3), show_blind=chosen[:1])
    assert baseline.blindness == Blindness(seed=2, shown=True)
    assert projection.blindness is None
    path = tmp_path / "run.json"
    write_run(path, baseline)
    assert read_run(path).blindness == baseline.blindness


def test_a_mitigation_that_is_not_blind_is_shown_for_what_it_is(
    tmp_path: Path,
) -> None:
    def peeks(gradient: torch.Tensor, step: Step) -> torch.Tensor:
        """Finds the cohort, with its labels, among the callers' variables."""
        frame = sys._getframe()
        while not isinstance(cohort := frame.f_locals.get("cohort"), Cohort):
            assert frame.f_back
            frame = frame.f_back
        _, trait = cohort.trait_gradient(step.student_parameters.detach())
        return gradient - trait

    entry = mitigation(distill_gradient=peeks)
    (run,) = Bench(TINY, CPU, Store(tmp_path)).run([entry], (1,), show_blind=[entry])
    assert run.blindness == Blindness(seed=1, shown=False)
    card = build_scorecard(run, {"baseline": make_run("baseline", [0.5], protocol=TINY)})
    assert any("declares access 'blind', but" in remark for remark in card.remarks)
