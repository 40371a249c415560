"""Files that older versions wrote are still read, to the same numbers.

Each folder of `fixtures/` holds one of every kind of file as the program wrote them under that
schema version, before any of the later fields.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from subliminal_bench.experiment.protocol import PROBE
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.reports import text
from subliminal_bench.results.entries import read_entries
from subliminal_bench.results.folders import BLINDNESS, TeacherFolder
from subliminal_bench.results.jsonfile import SCHEMA
from subliminal_bench.results.run import read_run
from subliminal_bench.results.store import Store
from subliminal_bench.results.tolerances import read_tolerances
from subliminal_bench.scoring.scorecard import build_scorecard
from tests.conftest import TINY

FIXTURES = Path(__file__).parents[1] / "fixtures"
VERSIONS = sorted(FIXTURES.glob("schema-*"))


def test_every_schema_version_has_its_files() -> None:
    assert [path.name for path in VERSIONS] == [f"schema-{one}" for one in range(1, SCHEMA + 1)]


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the files of one version."""
    return shutil.copytree(request.param, tmp_path / "old")


def approximately(card: Any) -> Any:
    """Numbers as far as another platform's arithmetic agrees."""
    if isinstance(card, dict):
        return {key: approximately(value) for key, value in card.items()}
    if isinstance(card, list):
        return [approximately(value) for value in card]
    return pytest.approx(card, rel=1e-9) if isinstance(card, float) else card


def test_runs_and_stored_seeds_give_the_scorecard_that_they_gave(old: Path) -> None:
    expected = json.loads((old / "scorecard.json").read_text())
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
    for entry in (read_run(old / "run.json"), own.run()):
        card = json.loads(text.as_json(build_scorecard(entry, references)))
        assert card == approximately(expected)


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
