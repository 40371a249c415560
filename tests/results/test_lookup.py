"""A run is found by its file or its name, and its references with where they are from."""

from pathlib import Path

import pytest

from subliminal_bench.errors import BenchmarkError, ResultError
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K, Protocol
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.lookup import find_run, find_runs, finished_references
from subliminal_bench.results.run import MitigationRecord, Run, write_run
from subliminal_bench.results.store import Store
from tests.support.plugins_for_tests import one_line
from tests.support.runs import PLAIN, keep, make_run


def refused(name: str, root: Path, protocol: str | None = None) -> str:
    with pytest.raises(BenchmarkError) as caught:
        find_run(name, protocol, Store(root))
    return one_line(caught.value)


class TestFind:
    def test_a_run_is_found_by_its_path(self, tmp_path: Path) -> None:
        path = tmp_path / "run.json"
        write_run(path, PLAIN)
        assert find_run(str(path), None, Store(tmp_path / "store")) == PLAIN

    def test_a_path_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        assert str(tmp_path / "no.json") in refused(str(tmp_path / "no.json"), tmp_path)

    def test_a_run_is_found_by_its_name_in_the_store(self, tmp_path: Path) -> None:
        folder = keep(tmp_path, PLAIN)
        for name in ("halve", folder.name):
            assert find_run(name, None, Store(tmp_path)) == PLAIN
            assert find_run(name, "mnist", Store(tmp_path)) == PLAIN

    def test_a_committed_entry_stands_in_for_an_own_run_that_lacks_seeds(
        self, tmp_path: Path
    ) -> None:
        committed = committed_entry("baseline", MNIST)
        assert committed is not None
        keep(tmp_path, committed.first(1))
        keep(tmp_path, make_run("halve", [0.5] * 20))
        runs, taken = find_runs(["halve", "baseline"], None, Store(tmp_path))
        assert len(runs["baseline"].seeds) >= 20
        assert taken == ["baseline"]
        keep(tmp_path, make_run("short", [0.5]))
        runs, taken = find_runs(["short", "baseline"], None, Store(tmp_path))
        assert len(runs["baseline"].seeds) == 1
        assert taken == []

    def test_an_unknown_name_is_refused_with_where_it_was_looked_for(
        self, tmp_path: Path
    ) -> None:
        keep(tmp_path, PLAIN)
        message = refused("other", tmp_path)
        assert "'other'" in message
        assert str(tmp_path) in message
        assert "mnist-5k" in refused("halve", tmp_path, "mnist-5k")

    def test_a_name_under_two_protocols_needs_one(self, tmp_path: Path) -> None:
        protocols: tuple[Protocol, ...] = (MNIST, MNIST_5K)
        runs = {one.name: make_run("halve", [0.5], protocol=one) for one in protocols}
        for run in runs.values():
            keep(tmp_path, run)
        message = refused("halve", tmp_path)
        for words in ["mnist-v1", "mnist-5k-v1", "choose one with"]:
            assert words in message
        for name, run in runs.items():
            assert find_run("halve", name, Store(tmp_path)) == run

    def test_a_protocol_is_also_known_by_the_label_that_the_message_shows(
        self, tmp_path: Path
    ) -> None:
        keep(tmp_path, PLAIN)
        assert find_run("halve", "mnist-v1", Store(tmp_path)) == PLAIN

    def test_a_protocol_asked_for_is_never_ignored(self, tmp_path: Path) -> None:
        path = tmp_path / "run.json"
        write_run(path, PLAIN)
        assert "mnist-v1" in refused(str(path), tmp_path, "mnist-5k")

    @pytest.mark.parametrize("name", ["", ".", "..", "*", "halve*", "x" * 5000, "a\nb"])
    def test_any_other_name_is_one_line(self, name: str, tmp_path: Path) -> None:
        keep(tmp_path, PLAIN)
        refused(name, tmp_path)


def changed(run: Run, **settings: float) -> Run:
    """The run as another value of its settings would have made it."""
    record = run.mitigation.model_copy(
        update={"settings": dict(settings), "changed": list(settings)}
    )
    return run.model_copy(update={"mitigation": record})


class TestSeveralSettings:
    @pytest.fixture
    def several(self, tmp_path: Path) -> dict[str, Run]:
        runs = {
            "halve:defaults": PLAIN,
            "halve:factor=0.25": changed(PLAIN, factor=0.25),
            "halve:factor=0.25,rate=2.0": changed(PLAIN, factor=0.25, rate=2.0),
        }
        for number, run in enumerate(runs.values()):
            keep(tmp_path, run, f"{number:010d}")
        return runs

    def test_a_name_that_means_several_runs_is_answered_with_all_of_them(
        self, several: dict[str, Run], tmp_path: Path
    ) -> None:
        message = refused("halve", tmp_path)
        assert "'halve' means several runs under mnist-v1" in message
        for name in several:
            assert name in message

    def test_each_of_them_is_found_by_its_settings(
        self, several: dict[str, Run], tmp_path: Path
    ) -> None:
        for name, run in several.items():
            assert find_run(name, None, Store(tmp_path)) == run
        swapped = find_run("halve:rate=2.0,factor=0.25", None, Store(tmp_path))
        assert swapped == several["halve:factor=0.25,rate=2.0"]

    def test_settings_that_did_not_run_are_refused(
        self, several: dict[str, Run], tmp_path: Path
    ) -> None:
        assert "no run named 'halve:factor=0.5'" in refused("halve:factor=0.5", tmp_path)

    def test_a_committed_entry_is_found_by_its_settings_too(self, tmp_path: Path) -> None:
        found = find_run("early_stopping:until=0.6", "mnist", Store(tmp_path))
        assert found.mitigation.settings == {"until": 0.6}

    @pytest.mark.parametrize(
        "settings", ["weight=0.0,noise_weight=0.0", "noise_weight=0.0,weight=0.0"]
    )
    def test_the_order_of_the_settings_does_not_matter(
        self, settings: str, tmp_path: Path
    ) -> None:
        found = find_run(f"stroke_anchor:{settings}", "mnist", Store(tmp_path))
        assert found.mitigation.changed == ["weight", "noise_weight"]


def reference(name: str, trait: float, environment: Environment | None = None) -> Run:
    """A run of the built-in mitigation of that name."""
    run = make_run(name, [trait] * 3, protocol=MNIST_5K)
    mitigation = MitigationRecord.of(load_mitigation(name))
    return run.model_copy(
        update={"mitigation": mitigation, "environment": environment or run.environment}
    )


@pytest.fixture
def entry() -> Run:
    return make_run("idea", [0.3] * 3, protocol=MNIST_5K)


def test_committed_numbers_stand_in_and_say_so(entry: Run, tmp_path: Path) -> None:
    found, sources = finished_references(entry, Store(tmp_path))
    assert tuple(found) == REFERENCES == tuple(sources)
    for name, run in found.items():
        known = committed_entry(name, MNIST_5K)
        assert known
        assert run == known.only((1, 2, 3))
        assert "committed numbers" in sources[name]


def test_what_ran_as_the_entry_did_comes_first(entry: Run, tmp_path: Path) -> None:
    keep(tmp_path, reference("baseline", 0.4))
    found, sources = finished_references(entry, Store(tmp_path))
    assert found["baseline"].column("trait_accuracy") == [0.4] * 3
    assert set(sources) == {"projection", "liminal"}


def test_an_older_engine_comes_after_what_is_committed(entry: Run, tmp_path: Path) -> None:
    older = Environment.here("cpu", "a processor", engine=0)
    keep(tmp_path, reference("baseline", 0.4, older))
    found, _ = finished_references(entry, Store(tmp_path))
    assert found["baseline"].column("trait_accuracy") != [0.4] * 3
    far = entry.model_copy(
        update={"seeds": make_run("idea", [0.3], first_seed=900, protocol=MNIST_5K).seeds}
    )
    for name in REFERENCES:
        run = reference(name, 0.4, older)
        seeds = make_run(name, [0.4], first_seed=900, protocol=MNIST_5K).seeds
        keep(tmp_path, run.model_copy(update={"seeds": seeds}), key="fedcba9876")
    found, sources = finished_references(far, Store(tmp_path))
    assert found["baseline"].seed_numbers == (900,)
    assert "earlier run" in sources["baseline"]


def test_a_users_own_mitigation_of_that_name_is_no_reference(
    entry: Run, tmp_path: Path
) -> None:
    keep(tmp_path, make_run("baseline", [0.9] * 3, protocol=MNIST_5K))
    found, _ = finished_references(entry, Store(tmp_path))
    assert found["baseline"].column("trait_accuracy") != [0.9] * 3


def test_a_reference_is_not_held_against_itself(tmp_path: Path) -> None:
    found, _ = finished_references(reference("liminal", 0.4), Store(tmp_path))
    assert tuple(found) == ("baseline", "projection")


def test_missing_seeds_are_named_with_the_command_that_makes_them(tmp_path: Path) -> None:
    entry = make_run("idea", [0.3] * 2, first_seed=500, protocol=MNIST_5K)
    with pytest.raises(
        ResultError, match=r"run.'baseline', protocol='mnist-5k', seeds='500-501'"
    ):
        finished_references(entry, Store(tmp_path))
