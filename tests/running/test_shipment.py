"""Mitigations that travel: pickled here, loaded where their files are not."""

import pickle
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.running.shipment import Shipment, ship
from tests.support.plugins_for_tests import one_line, scaling_source, write


def sent(mitigation: Mitigation) -> Shipment:
    parcel = pickle.loads(pickle.dumps(ship(mitigation)))
    assert isinstance(parcel, Shipment)
    return parcel


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        ("baseline", []),
        ("liminal", ["temperature=0.1"]),
        ("projection+liminal", ["liminal.temperature=3"]),
    ],
)
def test_what_arrives_does_the_same(spec: str, settings: list[str]) -> None:
    mitigation = load_mitigation(spec, settings)
    with sent(mitigation).loaded() as arrived:
        assert arrived.same_as(mitigation)
        assert arrived.name == mitigation.name
        assert arrived.access == mitigation.access


def test_files_of_one_name_travel_together_without_their_folders(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / folder / "own.py", scaling_source(folder, factor))
        for folder, factor in (("one", "0.5"), ("two", "0.25"))
    ]
    mitigation = load_mitigation("+".join(map(str, paths)), ["two.factor=1e-30"])
    parcel = sent(mitigation)
    for path in paths:
        shutil.rmtree(path.parent)
    with parcel.loaded() as arrived:
        assert arrived.same_as(mitigation)
        places = [plugin.path for plugin in arrived.plugins]
        assert all(place and place.is_file() for place in places)
    assert not any(place and place.exists() for place in places)


def test_an_attribute_of_a_file_stays_chosen(tmp_path: Path) -> None:
    classes = "".join(
        f"\n\nclass {name}:\n    @hookimpl\n    def mitigation(self):\n"
        f"        return Card({name.lower()!r}, {name!r})\n"
        for name in ("One", "Two")
    )
    head = "from subliminal_bench import Card, hookimpl\n"
    path = write(tmp_path / "several.py", head + classes)
    mitigation = load_mitigation(f"{path}:Two")
    with sent(mitigation).loaded() as arrived:
        assert arrived.name == "two"
        assert arrived.same_as(mitigation)


def test_a_file_that_was_changed_after_it_was_loaded_is_not_sent(tmp_path: Path) -> None:
    path = write(tmp_path / "own.py", scaling_source())
    mitigation = load_mitigation(str(path))
    write(path, scaling_source(factor="0.75"))
    with pytest.raises(MitigationError) as caught:
        ship(mitigation)
    assert "run again" in one_line(caught.value)


def test_a_module_is_imported_where_it_arrives_and_must_be_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    name = "a_module_that_travels_by_name"
    # Forgotten again afterwards.
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, name)
    holder = "import sys\n\nthis = sys.modules[__name__]\n"
    write(tmp_path / f"{name}.py", scaling_source() + f"\n\n{holder}")
    mitigation = load_mitigation(f"{name}:this")
    parcel = sent(mitigation)
    assert b"Scale" not in pickle.dumps(parcel)
    with parcel.loaded() as arrived:
        assert arrived.same_as(mitigation)
    other = replace(parcel, source_sha256="0" * 64)
    with pytest.raises(MitigationError) as caught, other.loaded():
        pass
    assert name in one_line(caught.value)
