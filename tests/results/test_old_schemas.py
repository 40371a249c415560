"""Files that older versions wrote are still read, to the same numbers.

Each folder of `fixtures/` holds one of every kind of file as the program wrote them under that
schema version, before any of the later fields; `tests/support/schemas.py` writes such a folder.
"""

import json
import shutil
import statistics
from pathlib import Path

import pytest

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import PROBE, Protocol
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.results.entries import read_entries
from subliminal_bench.results.folders import BLINDNESS, TeacherFolder
from subliminal_bench.results.jsonfile import SCHEMA
from subliminal_bench.results.run import read_run
from subliminal_bench.results.store import Store
from subliminal_bench.results.tolerances import read_tolerances
from subliminal_bench.running.rescore import rescore_run
from tests.conftest import TINY

FIXTURES = Path(__file__).parents[1] / "fixtures"
VERSIONS = sorted(FIXTURES.glob("schema-*"))


def test_every_schema_version_has_its_files() -> None:
    assert [path.name for path in VERSIONS] == [f"schema-{one}" for one in range(1, SCHEMA + 1)]


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the files of one version."""
    return shutil.copytree(request.param, tmp_path / "old")


def means_of(old: Path) -> dict[str, dict[str, float]]:
    """The mean of every metric of every run, as that version computed it."""
    later, first = old / "numbers.json", old / "scorecard.json"
    metrics = json.loads((later if later.exists() else first).read_text())["metrics"]
    return {
        metric: {run: numbers["mean"] for run, numbers in runs.items()}
        for metric, runs in metrics.items()
    }


def mean(column: list[float | None]) -> float:
    """The mean of a metric that every seed has."""
    values = [value for value in column if value is not None]
    assert len(values) == len(column)
    return statistics.fmean(values)


def test_runs_and_stored_seeds_give_the_numbers_that_they_gave(old: Path) -> None:
    kept = Store(old / "store")
    references = {
        name: next(
            folder.run()
            for folder in kept.find(name, None)
            if not folder.header.mitigation.changed
        )
        for name in REFERENCES
    }
    (own,) = [one for one in kept.find("liminal", None) if one.header.mitigation.changed]
    expected = means_of(old)
    for entry in (read_run(old / "run.json"), own.run()):
        runs = {"liminal*": entry, **references}
        found = {
            metric: {name: mean(run.column(metric)) for name, run in runs.items()}
            for metric in expected
        }
        assert found == {metric: pytest.approx(means) for metric, means in expected.items()}


def test_seeds_say_whether_they_have_what_this_version_measures(old: Path) -> None:
    is_new = old.name != "schema-1" and means_of(old).keys() == METRICS.keys()
    for folder in Store(old / "store").entries():
        for result in folder.run().seeds:
            assert result.is_read is is_new
            assert result.metrics.keys() == means_of(old).keys()


def test_kept_weights_still_give_the_readings_that_they_gave(old: Path, tiny: Protocol) -> None:
    store = Store(old / "store")
    found = [rescore_run(folder, store, again=True) for folder in store.entries()]
    has_weights = any(folder.with_weights() for folder in store.entries())
    assert [one.checked for one in found if one.checked] == [[1], [1], [1]][: 3 * has_weights]
    for one in found:
        # Another processor may find the class of a few images differently.
        assert all(change < 0.01 for change in one.changes.values())


def test_a_stored_seed_has_its_curves_and_its_teacher(old: Path) -> None:
    (folder,) = Store(old / "store").find("baseline", "tiny")
    curves = [folder.curves(seed) for seed in (1, 2)]
    assert {len(one["trait_loss"]) for one in curves if one} == {TINY.student_steps}
    (teachers,) = (old / "store").glob("*/teachers-*")
    assert TeacherFolder(teachers, TINY).load(1) is not None


def test_what_was_shown_of_blindness_is_still_known(old: Path) -> None:
    known = [
        BLINDNESS.read(folder.path) for folder in Store(old / "store").find("liminal", None)
    ]
    assert [one.shown for one in known if one] == [True]
    for run in read_entries(old / "entries").values():
        assert run.blindness
        assert run.blindness.shown


def test_tolerances_are_read(old: Path) -> None:
    assert read_tolerances(old, PROBE).single("baseline", "kl_mean", 1.0) > 0
