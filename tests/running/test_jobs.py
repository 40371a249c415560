"""A piece of a job counts as much work as its steps."""

from pathlib import Path

from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.jobs import Job, do_job, work_behind
from subliminal_bench.running.progress import Silent
from tests.conftest import CPU, TINY
from tests.support.loaded import NAMES, loaded


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
