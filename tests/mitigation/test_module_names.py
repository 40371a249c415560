"""Two files of one name are two modules, as they are two mitigations."""

import pickle
import sys
from pathlib import Path

from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.running.shipment import ship
from tests.support.plugins_for_tests import write

IDEA = """
from dataclasses import dataclass

from subliminal_bench import Card, hookimpl


@dataclass
class Kept:
    factor: "float" = {factor}


@hookimpl
def mitigation():
    return Card({name!r}, "Scale")


@hookimpl
def distill_gradient(gradient):
    return Kept().factor * gradient
"""


def test_files_of_one_stem_do_not_overwrite_each_other(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / name / "idea.py", IDEA.format(name=name, factor=factor))
        for name, factor in (("first", 0.25), ("second", 0.5))
    ]
    loaded = load_mitigation([str(path) for path in paths])
    modules = {
        module.__file__: module
        for name, module in sys.modules.items()
        if name.startswith("subliminal_bench_mitigation_idea")
    }
    for path, factor in zip(paths, (0.25, 0.5), strict=True):
        # Pickle looks a class up by its module's name: it must find its own.
        kept = modules[str(path)].Kept()
        assert pickle.loads(pickle.dumps(kept)).factor == factor
        assert type(pickle.loads(pickle.dumps(kept))) is type(kept)
    assert loaded.name == "first+second"


def test_they_travel_to_a_cluster_together(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write(tmp_path / name / "idea.py", IDEA.format(name=name, factor=0.5))
    loaded = load_mitigation([str(tmp_path / name / "idea.py") for name in ("first", "second")])
    with ship(loaded).loaded() as there:
        assert there.name == "first+second"
