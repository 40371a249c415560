"""A ray cluster as the engine: the same numbers, whatever is lost on the way."""

import importlib
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from subliminal_bench.errors import DeviceError, EngineError, HookError
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.folders import RunFolder
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.cluster import ray_engine
from subliminal_bench.running.cluster.ray_engine import RayEngine
from subliminal_bench.running.cluster.ray_worker import (
    VERSIONS,
    WorkerFacts,
    do_shipped_job,
    worker_facts,
)
from subliminal_bench.running.engine import Engine
from subliminal_bench.running.jobs import Job, Students, Teachers
from subliminal_bench.running.progress import Silent, Watcher
from subliminal_bench.running.shipment import Shipment, ship
from subliminal_bench.training.device import DeviceFacts
from tests.conftest import CPU, TINY
from tests.support.mitigation_files import GRADIENT, hook, source
from tests.support.plugins_for_tests import one_line, write
from tests.support.terminal import Terminal

SEEDS = (1, 2, 3, 4)
TYPED = ("--protocol", "tiny", "--seeds", "1-2")
# The embedded digits are 16 MB.
NODE = {"num_cpus": 1, "object_store_memory": 100_000_000}


def ray_here() -> Any:
    return pytest.importorskip("ray", reason="ray is not installed: pip install -e '.[ray]'")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes on this machine, each a processor; `RAY_ADDRESS` names them."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray_here()
    utilities: Any = importlib.import_module("ray.cluster_utils")
    # A lost node is noticed after seconds; by default it takes a quarter of a minute.
    noticing = {"health_check_period_ms": 500, "health_check_failure_threshold": 3}
    head = {**NODE, "include_dashboard": False, "_system_config": noticing}
    started = utilities.Cluster(initialize_head=True, head_node_args=head)
    started.add_node(**NODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", started.address)
        yield started
    started.shutdown()


@pytest.fixture
def workers(cluster: object) -> Iterator[Engine]:
    with ray_engine.connected() as engine:
        yield engine


def logged(tmp_path: Path, *lines: str, sleep: float = 0.0) -> tuple[Path, Path]:
    """A mitigation that logs the node and seed of every student that begins, and its log."""
    log = tmp_path / "log"
    log.touch()
    path = write(
        tmp_path / "idea.py",
        source(
            hook(
                "start(parameters, training)",
                f"with open({str(log)!r}, 'a') as file:",
                "    node = ray.get_runtime_context().get_node_id()",
                "    file.write(f'{node} {training.seeds[0]}\\n')",
                "return parameters",
            ),
            hook(GRADIENT, f"time.sleep({sleep})", *lines, "return 0.5 * gradient"),
            before="import time\n\nimport ray\n\n",
        ),
    )
    return path, log


def begun(log: Path) -> list[tuple[str, int]]:
    """Nodes and seeds of the students that began."""
    lines = [line.split() for line in log.read_text().splitlines()]
    return [(node, int(seed)) for node, seed in lines]


def ran(folder: Path, engine: Engine, *names: str, watcher: Watcher | None = None) -> list[Run]:
    bench = Bench(TINY, CPU, Store(folder), None, watcher or Silent(), engine)
    return bench.run([load_mitigation(name) for name in names], SEEDS)


@pytest.mark.slow
class TestCluster:
    def test_its_numbers_are_the_local_ones_to_the_last_bit(
        self, workers: Engine, tmp_path: Path
    ) -> None:
        names = ("baseline", "liminal", "projection+l2_to_initialisation")
        chosen = [load_mitigation(name) for name in names]
        there = ran(tmp_path / "there", workers, *names)
        here = Bench(TINY, CPU, Store(tmp_path / "here")).run(chosen, SEEDS)
        assert [run.seeds for run in there] == [run.seeds for run in here]
        assert [run.seed_numbers for run in there] == [SEEDS] * 3
        stores = [Store(tmp_path / name) for name in ("there", "here")]
        for run in here:
            curves = [store.curves(run) for store in stores]
            for seed in SEEDS:
                for name, curve in curves[1][seed].items():
                    assert curve.equal(curves[0][seed][name]), name
        teachers = [
            [path.read_bytes() for path in sorted(store.root.rglob("*.safetensors"))]
            for store in stores
        ]
        assert len(teachers[0]) == len(SEEDS)
        assert teachers[0] == teachers[1]

    def test_both_nodes_train_and_none_needs_the_mitigations_file(
        self, cluster: Any, workers: Engine, tmp_path: Path
    ) -> None:
        path, log = logged(tmp_path, sleep=0.1)
        loaded = load_mitigation(str(path))

        class Unlinking(Silent):
            def advance(self, work: int) -> None:
                if work:
                    path.unlink(missing_ok=True)

        bench = Bench(TINY, CPU, Store(tmp_path / "store"), None, Unlinking(), workers)
        (run,) = bench.run([loaded], SEEDS)
        assert run.seed_numbers == SEEDS
        assert not path.exists()
        nodes, seeds = zip(*begun(log), strict=True)
        assert sorted(seeds) == list(SEEDS)
        assert set(nodes) == {node.node_id for node in cluster.list_all_nodes()}

    def test_a_node_killed_mid_run_loses_no_seed_and_repeats_none(
        self,
        cluster: Any,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        saved: Counter[int] = Counter()
        save = RunFolder.save

        def counted(folder: RunFolder, outcome: Any) -> None:
            saved[outcome.seed] += 1
            save(folder, outcome)

        monkeypatch.setattr(RunFolder, "save", counted)
        path, log = logged(tmp_path, sleep=0.3)
        victim = cluster.add_node(**NODE)

        def kill() -> None:
            while victim.node_id not in [node for node, _ in begun(log)]:
                time.sleep(0.05)
            cluster.remove_node(victim, allow_graceful=False)

        said: list[str] = []

        class Listening(Silent):
            def say(self, line: str) -> None:
                said.append(line)

        killer = threading.Thread(target=kill)
        killer.start()
        with ray_engine.connected() as workers:
            (run,) = ran(tmp_path / "store", workers, str(path), watcher=Listening())
        killer.join()
        assert run.seed_numbers == SEEDS
        assert saved == dict.fromkeys(SEEDS, 1)
        # What the lost node was at began again elsewhere.
        lost = [seed for node, seed in begun(log) if node == victim.node_id]
        again = Counter(seed for _, seed in begun(log))
        assert lost
        assert all(again[seed] == 2 for seed in lost)
        assert any("a node of the cluster was lost" in line for line in said)
        assert capsys.readouterr().out == ""
        (local,) = Bench(TINY, CPU, Store(tmp_path / "here")).run(
            [load_mitigation(str(plain(tmp_path)))], SEEDS
        )
        assert run.seeds == local.seeds

    def test_a_failing_hook_is_the_same_one_line_and_is_not_tried_again(
        self, workers: Engine, tmp_path: Path
    ) -> None:
        fails = "if step.seeds[0] == 2 and step.index == 1: raise ValueError('no such idea')"
        path, log = logged(tmp_path, fails)
        with pytest.raises(HookError) as there:
            ran(tmp_path / "there", workers, str(path))
        assert Counter(seed for _, seed in begun(log))[2] == 1
        elsewhere = write(tmp_path / "here" / "idea.py", path.read_text())
        changed = elsewhere.read_text().replace("ray.get_runtime_context().get_node_id()", "''")
        elsewhere.write_text(changed)
        with pytest.raises(HookError) as here:
            Bench(TINY, CPU, Store(tmp_path / "store")).run(
                [load_mitigation(str(elsewhere))], SEEDS
            )
        assert one_line(there.value) == one_line(here.value)
        assert "seed 2, step 1" in str(there.value)

    def test_a_hook_that_takes_its_process_down_is_one_line_in_the_end(
        self, workers: Engine, tmp_path: Path
    ) -> None:
        path, log = logged(tmp_path, "__import__('os')._exit(1)")
        with pytest.raises(EngineError) as caught:
            ran(tmp_path / "store", workers, "baseline", str(path))
        assert "finished seeds are kept" in one_line(caught.value)
        assert max(Counter(seed for _, seed in begun(log)).values()) == 4

    def test_a_gpu_that_no_node_has_is_refused_before_anything_waits_for_it(
        self, workers: Engine
    ) -> None:
        assert workers.choose("auto") == CPU
        with pytest.raises(DeviceError, match="the ray cluster has no GPU"):
            workers.choose("cuda")

    def test_a_gpu_that_torch_does_not_see_on_its_node_is_one_line(
        self, cluster: Any, workers: Engine
    ) -> None:
        node = cluster.add_node(**NODE, num_gpus=1)
        try:
            gpu = workers.choose("auto")
            assert gpu.type == "cuda"
            with pytest.raises(DeviceError, match="torch sees no GPU here"):
                workers.facts(gpu)
        finally:
            cluster.remove_node(node)

    def test_an_interrupted_run_leaves_no_task_behind(
        self, workers: Engine, tmp_path: Path
    ) -> None:
        path, log = logged(tmp_path, sleep=0.5)

        class Interrupting(Silent):
            def advance(self, work: int) -> None:
                if work:
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            ran(tmp_path / "store", workers, str(path), watcher=Interrupting())
        ray, until = ray_here(), time.monotonic() + 20
        while ray.available_resources().get("CPU") != 2 and time.monotonic() < until:
            time.sleep(0.2)
        assert ray.available_resources()["CPU"] == 2
        assert len(begun(log)) < len(SEEDS)

    def test_typed_it_prints_what_a_local_run_prints(
        self, cluster: object, type_in: Terminal
    ) -> None:
        more = (*TYPED, "--device", "cpu", "--format", "json")
        there = type_in("run", "liminal", *more, "--engine", "ray", "--store", "there")
        assert there.code == 0, there.err
        here = type_in("run", "liminal", *more, "--store", "here")
        assert json.loads(there.out) == json.loads(here.out)
        refused = type_in("run", "liminal", *TYPED, "--engine", "ray", "--device", "cuda")
        assert "the ray cluster has no GPU" in refused.error


def plain(tmp_path: Path) -> Path:
    """The mitigation of `logged` without its log."""
    return write(
        tmp_path / "plain" / "idea.py", source(hook(GRADIENT, "return 0.5 * gradient"))
    )


def test_without_ray_the_way_to_install_it_is_one_line(
    type_in: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = type_in("run", "baseline", *TYPED, "--engine", "ray")
    assert "pip install 'subliminal-bench[ray]'" in done.error
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_is_none_is_one_line(type_in: Terminal, tmp_path: Path) -> None:
    done = type_in("run", "baseline", *TYPED, "--engine", "spark")
    assert "choose local or ray" in done.error
    assert list(tmp_path.iterdir()) == []


def test_seeds_are_dealt_out_over_the_gpus_as_far_as_they_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fits = WorkerFacts(DeviceFacts("a GPU", "CUDA"), cohort_size=7)
    monkeypatch.setattr(RayEngine, "_facts_of_worker", lambda *_: fits)
    engine = RayEngine(SimpleNamespace(cluster_resources=lambda: {"CPU": 8.0, "GPU": 4.0}))
    gpu = engine.choose("auto")
    assert [engine.cohort_size(TINY, gpu, seeds) for seeds in (3, 20, 100)] == [1, 5, 7]


def a_job() -> tuple[Job, tuple[tuple[Shipment, tuple[int, ...]], ...]]:
    return Job(TINY, (3,), ()), ((ship(load_mitigation("baseline")), (3,)),)


def test_a_worker_does_what_the_job_says(embedded_digits: Digits) -> None:
    job, parcels = a_job()
    teachers, students = do_shipped_job(job, parcels, embedded_digits, "cpu", VERSIONS)
    assert isinstance(teachers, Teachers)
    assert isinstance(students, Students)
    assert list(teachers.trained) == [3]
    assert [outcome.seed for outcome in students.outcomes] == [3]


def test_a_worker_with_another_version_trains_nothing(embedded_digits: Digits) -> None:
    job, parcels = a_job()
    others = ("subliminal-bench 0.0.1", *VERSIONS[1:])
    (error,) = do_shipped_job(job, parcels, embedded_digits, "cpu", others)
    assert isinstance(error, EngineError)
    assert "subliminal-bench 0.0.1" in one_line(error)
    assert isinstance(worker_facts("cpu", None, others), EngineError)


@pytest.mark.parametrize("address", ["ray://10.0.0.1:10001", "nowhere"])
@pytest.mark.slow
def test_an_address_without_a_cluster_is_one_line(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray_here()
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(EngineError) as caught, ray_engine.connected():
        pass
    assert f"RAY_ADDRESS={address}" in one_line(caught.value)
