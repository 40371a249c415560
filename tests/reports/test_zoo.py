"""A zoo is whole or absent, and plain torch gets from it the models that were trained."""

import json
import re
import shutil
from pathlib import Path

import pytest
import safetensors
import torch
from safetensors.torch import load_file

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment import model
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.reports.zoo import Zoo
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU, TINY
from tests.support.documents import blocks
from tests.support.files import files_in
from tests.support.stores import LIMINAL, entry_of

pytestmark = pytest.mark.usefixtures("tiny")
MODELS = ("student", "teacher", "untrained")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    Bench(TINY, CPU, Store(folder)).run([LIMINAL], (1, 2))
    return folder


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> Store:
    return Store(shutil.copytree(trained, tmp_path / "store"))


@pytest.fixture
def zoo(store: Store, tmp_path: Path) -> Path:
    """A written zoo."""
    Zoo.of(entry_of(store, LIMINAL), store).write(tmp_path / "zoo")
    return tmp_path / "zoo"


def test_it_has_every_seeds_three_models_and_a_page(zoo: Path) -> None:
    models = [f"{name}-000{seed}.safetensors" for name in MODELS for seed in (1, 2)]
    assert files_in(zoo) == sorted(["README.md", *models])


def test_its_tensors_are_the_models(zoo: Path, store: Store) -> None:
    folder = entry_of(store, LIMINAL)
    rows = {
        "student": folder.weights(2),
        "teacher": store.teacher_of(folder, TINY, 2),
        "untrained": model.initial_parameters(TINY, (2,), CPU)[0],
    }
    for name, row in rows.items():
        assert row is not None
        named = load_file(zoo / f"{name}-0002.safetensors")
        names = model.layout(TINY).names
        assert named.keys() == set(names)
        assert torch.equal(torch.cat([named[part].flatten() for part in names]), row)


def test_each_file_says_which_model_it_is(zoo: Path) -> None:
    for name in MODELS:
        with safetensors.safe_open(zoo / f"{name}-0002.safetensors", "pt") as file:
            said = file.metadata()
        assert said["model"] == name
        assert (said["mitigation"], said["seed"], said["protocol"]) == (
            "liminal",
            "2",
            "tiny-v1",
        )
        assert said["source_sha256"] == LIMINAL.source_sha256
        assert json.loads(said["settings"]) == dict(LIMINAL.settings)


def test_the_pages_example_runs_and_has_the_trait_that_was_measured(
    zoo: Path, store: Store, embedded_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(zoo)
    (example,) = blocks((zoo / "README.md").read_text(), "python")
    names: dict[str, object] = {}
    exec(example, names)
    network = names["network"]
    assert isinstance(network, torch.nn.Module)
    parameters = entry_of(store, LIMINAL).weights(1)
    assert parameters is not None
    images = embedded_digits.images[:100]
    ours = model.forward(model.layout(TINY), parameters[None], images)[0]
    torch.testing.assert_close(network(images), ours)


def test_its_page_names_files_that_are_there(zoo: Path) -> None:
    named = set(re.findall(r"[\w-]+\.safetensors", (zoo / "README.md").read_text()))
    assert len(named) == len(MODELS)
    assert named <= set(files_in(zoo))


def test_a_failure_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    folder = entry_of(store, LIMINAL)
    (folder.path / "seed-0002.safetensors").write_bytes(b"{")
    before = set(tmp_path.iterdir())
    with pytest.raises(ResultError, match="cannot read"):
        Zoo.of(folder, store).write(tmp_path / "zoo")
    assert set(tmp_path.iterdir()) == before


def test_it_goes_into_an_empty_folder_but_never_over_something(
    zoo: Path, store: Store, tmp_path: Path
) -> None:
    again = Zoo.of(entry_of(store, LIMINAL), store)
    (tmp_path / "empty").mkdir()
    again.write(tmp_path / "empty")
    assert files_in(tmp_path / "empty") == files_in(zoo)
    with pytest.raises(ResultError, match="is in the way"):
        again.write(zoo)
    with pytest.raises(ResultError, match="is in the way"):
        again.write(zoo / "README.md")


def test_what_is_not_there_is_known(store: Store, tmp_path: Path) -> None:
    folder = entry_of(store, LIMINAL)
    (folder.path / "seed-0001.safetensors").unlink()
    (teacher,) = store.root.rglob("teachers-*/seed-0002.safetensors")
    teacher.unlink()
    zoo = Zoo.of(folder, store)
    assert (zoo.seeds, zoo.without_weights, zoo.without_teacher) == ([2], [1], [2])
    zoo.write(tmp_path / "zoo")
    assert files_in(tmp_path / "zoo") == [
        "README.md",
        "student-0002.safetensors",
        "untrained-0002.safetensors",
    ]
