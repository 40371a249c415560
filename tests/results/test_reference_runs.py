"""The references' numbers for a report: what is at hand, and from where."""

from pathlib import Path

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.lookup import finished_references
from subliminal_bench.results.run import MitigationRecord, Run
from subliminal_bench.results.store import Store
from tests.support.runs import keep, make_run


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
        ResultError, match="run.'baseline', protocol='mnist-5k', seeds='500-501'"
    ):
        finished_references(entry, Store(tmp_path))
