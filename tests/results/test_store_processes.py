"""The store and its processes: killed at any moment, and several at once."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch

from tests.support.files import contents

ROOT = Path(__file__).parents[2]
SEEDS = (1, 2)
ENTRIES = ("baseline", "liminal")
_KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Fate:
    """What becomes of a process: killed at its n-th step of writing, after a time, or not."""

    step: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Ended:
    """Processes that have ended: exit codes, and what each began to train."""

    codes: list[int]
    trained: list[list[str]]
    seconds: float


Start = Callable[..., Ended]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts processes on a store, and waits for them."""
    logs = tmp_path_factory.mktemp("logs")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.forking"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout
        asked = 0

        def ask(store: Path, *fates: Fate) -> Ended:
            nonlocal asked
            asked += 1
            request: dict[str, Any] = {"store": str(store), "seeds": SEEDS}
            request["log"] = str(logs / str(asked))
            request["processes"] = [vars(fate) for fate in fates]
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            return Ended(**json.loads(stdout.readline()))

        yield ask
        stdin.close()


@pytest.fixture(scope="module")
def undisturbed(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that one process fills which nobody disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert start(folder, Fate()).codes == [0]
    return folder


def finished(store: Path) -> set[str]:
    """Entries and seeds that are done, as they stand in the logs."""
    found = set()
    for path in store.rglob("seed-*.json"):
        found.add(f"{path.parent.name.rpartition('-')[0]} {int(path.stem[5:])}")
    for path in store.rglob("seed-*.safetensors"):
        found.add(f"teacher {int(path.stem[5:])}")
    return found


def read_everything(store: Path) -> None:
    """Parse every file that is not a hidden left-over."""
    for path in store.rglob("[!.]*"):
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".npz":
            with np.load(path) as curves:
                assert all(len(curves[name]) for name in curves.files)
        elif path.suffix == ".safetensors":
            assert safetensors.torch.load_file(path)
        else:
            assert path.is_dir() or path.suffix == ".lock", path


ALL = {f"{name} {seed}" for name in ("teacher", *ENTRIES) for seed in SEEDS}


def check_killed_runs(
    start: Start, store: Path, fates: list[Fate], undisturbed: Path
) -> Counter[int]:
    """Kill one process after the other, let the last end, and hold the store to its claims."""
    codes: Counter[int] = Counter()
    for fate in fates:
        before, kept = finished(store), contents(store)
        ended = start(store, fate)
        codes.update(ended.codes)
        read_everything(store)
        after = finished(store)
        assert before <= after
        assert not before & set(ended.trained[0]), "a finished seed was trained again"
        # What began and is not there was in flight: a teacher, or one seed of one mitigation.
        assert len(set(ended.trained[0]) - after) <= 1
        for name, content in kept.items():
            if not Path(name).name.startswith("."):
                assert (store / name).read_bytes() == content
    last = start(store, Fate())
    assert last.codes == [0]
    assert finished(store) == ALL
    assert contents(store) == contents(undisturbed), "left-overs, or other numbers"
    return codes


def steps_of_a_run(start: Start, folder: Path) -> int:
    """How many steps of writing a whole run takes."""
    low, high = 1, 1024
    while low < high:
        middle = (low + high) // 2
        (code,) = start(folder / str(middle), Fate(step=middle)).codes
        if code == 0:
            high = middle
        else:
            assert code == _KILLED
            low = middle + 1
    return low - 1


class TestKilled:
    def test_killed_at_steps_of_writing_it_goes_on_where_it_stopped(
        self, start: Start, undisturbed: Path, tmp_path: Path
    ) -> None:
        fates = [Fate(step=step) for step in (5, 14, 9, 17)]
        codes = check_killed_runs(start, tmp_path / "store", fates, undisturbed)
        assert codes[_KILLED] == len(fates)

    def test_killed_at_random_moments_it_goes_on_where_it_stopped(
        self, start: Start, undisturbed: Path, tmp_path: Path
    ) -> None:
        whole = start(tmp_path / "timed", Fate()).seconds
        moments = random.Random(1)
        fates = [Fate(seconds=moments.uniform(0, whole / 2)) for _ in range(3)]
        codes = check_killed_runs(start, tmp_path / "store", fates, undisturbed)
        assert codes[_KILLED] >= 1

    @pytest.mark.slow
    def test_killed_at_every_single_step_of_writing_nothing_is_lost(
        self, start: Start, undisturbed: Path, tmp_path: Path
    ) -> None:
        for step in range(1, steps_of_a_run(start, tmp_path) + 1):
            store = tmp_path / f"store-{step}"
            codes = check_killed_runs(start, store, [Fate(step=step)], undisturbed)
            assert codes[_KILLED] == 1

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(3))
    def test_twenty_random_kills_lose_at_most_what_was_in_flight(
        self, seed: int, start: Start, undisturbed: Path, tmp_path: Path
    ) -> None:
        whole = start(tmp_path / "timed", Fate()).seconds
        moments = random.Random(seed)
        fates = [Fate(seconds=moments.uniform(0, whole / 3)) for _ in range(20)]
        check_killed_runs(start, tmp_path / "store", fates, undisturbed)


class TestTogether:
    @pytest.mark.parametrize("processes", [2, 3])
    def test_processes_on_one_store_share_the_work_and_train_nothing_twice(
        self, processes: int, start: Start, undisturbed: Path, tmp_path: Path
    ) -> None:
        ended = start(tmp_path, *[Fate()] * processes)
        assert ended.codes == [0] * processes
        trained = Counter(one for log in ended.trained for one in log)
        assert trained == dict.fromkeys(ALL, 1)
        assert contents(tmp_path) == contents(undisturbed)

    def test_a_killed_owner_keeps_nobody_waiting(
        self, start: Start, undisturbed: Path, tmp_path: Path
    ) -> None:
        ended = start(tmp_path, Fate(step=12), Fate(), Fate(step=5))
        assert ended.codes[1] == 0
        assert contents(tmp_path) == contents(undisturbed)


@pytest.mark.slow
def test_the_command_itself_is_killed_twenty_times(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "subliminal_bench", "run", "baseline"]
    command += ["--protocol", "probe", "--seeds", "1-2", "--rerun-references", "--store"]

    def begin(store: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, str(tmp_path / store)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def numbers(store: str) -> dict[str, bytes]:
        """All but the headers, which name the commit that was there when they were written."""
        every = contents(tmp_path / store)
        return {name: every[name] for name in every if not name.endswith("entry.json")}

    started = time.monotonic()
    whole, _ = begin("undisturbed").communicate()
    seconds = time.monotonic() - started
    moments = random.Random(1)
    for _ in range(20):
        process = begin("killed")
        try:
            process.communicate(timeout=moments.uniform(0.2, 0.6) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        read_everything(tmp_path / "killed")
    last, _ = begin("killed").communicate()
    assert last == whole
    assert numbers("killed") == numbers("undisturbed")
