"""A bench and its engine: whoever does the jobs, the store comes out the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import HookError
from subliminal_bench.experiment.digits import Digits, load_digits
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running import bench
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.engine import LocalEngine, Workers
from subliminal_bench.running.jobs import Job, PartialResult, do_job, work_behind
from subliminal_bench.running.progress import Silent, Watcher
from tests.conftest import CPU, TINY
from tests.support.plugins_for_tests import scaling_source, write

SEEDS = (1, 2, 3, 4, 5)
NAMES = ("baseline", "liminal")


class Several(LocalEngine):
    """Does several jobs at once, a part of each in turn, the youngest job first."""

    def __init__(self, room: int = 3, size: int = 1) -> None:
        self.room, self.size = room, size
        self.most = 0
        self.begun: list[Job] = []

    def cohort_size(self, protocol: Protocol, device: torch.device, seeds: int) -> int:
        return self.size

    @contextmanager
    def workers(
        self, digits: Digits, device: torch.device, watcher: Watcher
    ) -> Iterator[Workers]:
        yield _Several(self, digits)


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


def loaded(*names: str) -> list[Mitigation]:
    return [load_mitigation(name) for name in names]


def contents(store: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("seed-*"))
        if path.suffix != ".lock"
    }


def test_jobs_done_at_once_leave_the_same_store_as_one_after_the_other(tmp_path: Path) -> None:
    engine = Several()
    at_once = Bench(TINY, CPU, Store(tmp_path / "several"), engine=engine)
    in_turn = Bench(TINY, CPU, Store(tmp_path / "one"))
    assert at_once.run(loaded(*NAMES), SEEDS) == in_turn.run(loaded(*NAMES), SEEDS)
    assert engine.most == 3
    assert contents(tmp_path / "several") == contents(tmp_path / "one")


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


def test_a_piece_counts_as_much_work_as_its_steps(tmp_path: Path) -> None:
    class Counting(Silent):
        def __init__(self) -> None:
            self.wanted = self.done = 0

        def total(self, work: int) -> None:
            self.wanted = work

        def advance(self, work: int) -> None:
            self.done += work

    stepwise = Counting()
    Bench(TINY, CPU, Store(tmp_path), None, stepwise).run(loaded(*NAMES), (1, 2))
    assert stepwise.done == stepwise.wanted
    digits = load_digits(TINY)
    job = Job(TINY, (1, 2), tuple((one, (1, 2)) for one in loaded(*NAMES)))
    whole = sum(work_behind(job, piece) for piece in do_job(job, digits, CPU, Silent()))
    assert whole == stepwise.wanted
