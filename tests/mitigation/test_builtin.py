"""The references are built in, and their cards say what they need."""

from pathlib import Path

import pytest

from subliminal_bench.mitigation.builtin import REFERENCES, built_in_names
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU, PRECISE


def test_the_three_references_are_built_in() -> None:
    assert set(REFERENCES) <= set(built_in_names())


def test_a_built_in_bears_its_files_name() -> None:
    for name in built_in_names():
        assert load_mitigation(name).name == name


def test_built_in_cards_say_what_they_need() -> None:
    loaded = {name: load_mitigation(name) for name in REFERENCES}
    assert {name: one.access for name, one in loaded.items()} == {
        "baseline": "blind",
        "liminal": "blind",
        "projection": "trait-gradient",
    }
    assert loaded["liminal"].settings == {
        "lambda0": 1.0,
        "temperature": 2.0,
        "anchored": "auxiliary",
        "schedule": "published",
    }
    assert {name: one.plugins[0].hooks for name, one in loaded.items()} == {
        "baseline": (),
        "liminal": ("distill_loss",),
        "projection": ("distill_gradient",),
    }


@pytest.mark.parametrize("name", built_in_names())
def test_a_built_in_runs_under_a_protocol_in_double_precision(
    name: str, tmp_path: Path
) -> None:
    (run,) = Bench(PRECISE, CPU, Store(tmp_path)).run([load_mitigation(name)], (1,))
    assert run.seeds[0].diverged_at is None
