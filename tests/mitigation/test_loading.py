"""A mitigation is found by its name, path or module, or one line says what to do."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU, TINY
from tests.support.loaded import refused, scaled_by
from tests.support.mitigation_files import hook, source
from tests.support.plugins_for_tests import HEAD, scaling_source, write


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules can be imported, for as long as the test lasts."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python keeps compiled modules, as it does unless it is told otherwise."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


class TestNames:
    @pytest.mark.parametrize("folder", ["plain", "with space", "c++", "a:b", "a+b", "ünï"])
    def test_a_path_loads_whatever_its_folder_is_called(
        self, folder: str, tmp_path: Path
    ) -> None:
        path = write(tmp_path / folder / "halve.py", scaling_source())
        assert scaled_by(load_mitigation(str(path))) == [0.5]

    @pytest.mark.parametrize("folder", ["plain", "c++", "a:b"])
    @pytest.mark.parametrize("kind", ["attribute", "composition"])
    def test_such_a_path_also_takes_an_attribute_and_a_second_mitigation(
        self, folder: str, kind: str, tmp_path: Path
    ) -> None:
        path = write(tmp_path / folder / "kinds.py", TWO_CLASSES)
        spec = f"{path}:First"
        if kind == "attribute":
            assert load_mitigation(spec).name == "first"
        else:
            assert load_mitigation(f"{spec}+liminal").name == "first+liminal"

    def test_a_file_in_the_working_folder_needs_no_folder_before_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path / "halve.py", scaling_source())
        monkeypatch.chdir(tmp_path)
        assert load_mitigation("halve.py").name == "halve"
        assert "halve.py" in refused("halve")

    def test_a_module_and_its_attribute_load(self, importable: Path) -> None:
        write(importable / "kinds_in_a_module.py", TWO_CLASSES)
        assert load_mitigation("kinds_in_a_module:First").name == "first"
        assert load_mitigation("kinds_in_a_module:second").name == "second"
        assert "'Third'" in refused("kinds_in_a_module:Third")

    def test_another_packages_entry_point_is_a_name(self, importable: Path) -> None:
        install(importable, "from_afar = module_from_afar", scaling_source("from_afar"))
        assert "from_afar" in loading.installed_names()
        assert scaled_by(load_mitigation("from_afar")) == [0.5]
        assert "from_afar" in refused("from_far")

    def test_a_broken_entry_point_is_one_line(self, importable: Path) -> None:
        install(importable, "broken = module_from_afar:Gone", scaling_source())
        assert "'Gone'" in refused("broken")

    @pytest.mark.parametrize("spec", ["nope", "", "liminal+", "+", "Baseline", "liminal+nope"])
    def test_an_unknown_name_is_refused_with_the_known_ones(self, spec: str) -> None:
        message = refused(spec)
        assert ", ".join(built_in_names()) in message
        assert ".py" in message

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        assert str(tmp_path / "no.py") in refused(tmp_path / "no.py")

    def test_a_folder_or_another_kind_of_file_is_refused(self, tmp_path: Path) -> None:
        assert str(tmp_path) in refused(tmp_path)
        other = write(tmp_path / "halve.txt", scaling_source())
        assert ".py" in refused(other)

    def test_a_module_that_is_not_there_is_named(self) -> None:
        assert "no_such_module" in refused("no_such_module:Thing")

    def test_files_of_one_name_in_two_folders_do_not_mix(self, tmp_path: Path) -> None:
        first = write(tmp_path / "a" / "halve.py", scaling_source("first", "0.5"))
        second = write(tmp_path / "b" / "halve.py", scaling_source("second", "0.25"))
        both = load_mitigation(f"{first}+{second}")
        again = load_mitigation(str(first))
        assert both.name == "first+second"
        assert scaled_by(both) == [0.5, 0.25]
        assert scaled_by(again) == [0.5]
        assert [one.source_sha256 for one in both.plugins] == [
            hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second)
        ]

    @pytest.mark.usefixtures("bytecode")
    def test_the_code_that_runs_is_the_code_whose_hash_is_kept(self, tmp_path: Path) -> None:
        path = write(tmp_path / "halve.py", scaling_source(factor="0.5"))
        before = path.stat()
        assert scaled_by(load_mitigation(str(path))) == [0.5]
        # Same size, same time stamp: a copy with its times kept, or a fast second edit.
        write(path, scaling_source(factor="0.9"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        changed = load_mitigation(str(path))
        assert changed.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert changed.settings == {"factor": 0.9}

    @pytest.mark.usefixtures("bytecode")
    def test_loading_leaves_nothing_beside_the_users_file(self, tmp_path: Path) -> None:
        path = write(tmp_path / "halve.py", scaling_source())
        load_mitigation(str(path))
        assert list(tmp_path.iterdir()) == [path]


def install(folder: Path, entry_point: str, source: str) -> None:
    """What an installed package with one module and one entry point looks like."""
    info = folder / "from_afar-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: from-afar\nVersion: 1.0\n")
    write(info / "entry_points.txt", f"[{loading.ENTRY_POINT_GROUP}]\n{entry_point}\n")
    write(folder / "module_from_afar.py", source)


TWO_CLASSES = f"""{HEAD}
class First:
    @hookimpl
    def mitigation(self):
        return Card("first", "First")


class Second:
    @hookimpl
    def mitigation(self):
        return Card("second", "Second")


second = Second()
"""

# What is in the file, and what the line about it must say.
MISTAKES: dict[str, tuple[str, list[str]]] = {
    "nothing in it": ("", ["@hookimpl"]),
    "nothing marked": ("def mitigation():\n    return None\n", ["@hookimpl"]),
    "two classes": (TWO_CLASSES, ["odd.py:First", "odd.py:Second"]),
    "syntax error": ("x = 1\ndef broken(:\n", ["SyntaxError", "line 2"]),
    "no text": ("x = '\x00'\n", ["odd.py"]),
    "raises on import": ("\nraise ValueError('first\\nsecond')\n", ["ValueError: first", "2)"]),
    "exits on import": ("import sys\nsys.exit(0)\n", ["odd.py"]),
    "imports what is not there": ("import no_such_package\n", ["no_such_package", "line 1"]),
    "class that cannot be made": (
        f"{HEAD}class Odd:\n    def __init__(self, weight):\n        pass\n\n"
        "    @hookimpl\n    def mitigation(self):\n        return Card('odd', 'Odd')\n",
        ["weight"],
    ),
}


class TestMistakes:
    @pytest.mark.parametrize("mistake", MISTAKES)
    def test_a_mistake_in_the_file_is_one_line_that_names_it(
        self, mistake: str, tmp_path: Path
    ) -> None:
        source, said = MISTAKES[mistake]
        message = refused(write(tmp_path / "odd.py", source))
        for words in ["odd.py", *said]:
            assert words in message

    def test_a_mistake_in_a_package_is_one_line_too(self, importable: Path) -> None:
        write(importable / "module_that_raises.py", "raise ValueError('first\\nsecond')\n")
        assert "ValueError: first" in refused("module_that_raises:Thing")

    def test_a_file_loads_again_once_it_is_mended(self, tmp_path: Path) -> None:
        path = write(tmp_path / "halve.py", "raise ValueError\n")
        refused(path)
        write(path, scaling_source())
        assert load_mitigation(str(path)).name == "halve"


def test_what_it_prints_is_not_in_the_programs_own_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = source(
        hook("distill_gradient(gradient)", "print('in a hook')", "return gradient"),
        before="print('on loading')\n",
    )
    loaded = load_mitigation(str(write(tmp_path / "loud.py", text)))
    Bench(TINY, CPU, Store(tmp_path / "store")).run([loaded], (1,))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert {"on loading", "in a hook"} <= set(printed.err.splitlines())


class TestEntryPoints:
    @pytest.fixture
    def declare(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Callable[[str, str], None]]:
        """Install a package that declares one mitigation."""
        monkeypatch.syspath_prepend(tmp_path)
        write(tmp_path / "ideas_of_others.py", scaling_source())

        def declared(package: str, line: str) -> None:
            info = tmp_path / f"{package}-1.0.dist-info"
            write(info / "METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
            write(info / "entry_points.txt", f"[subliminal_bench]\n{line}\n")

        yield declared
        sys.modules.pop("ideas_of_others", None)

    def test_a_module_alone_is_one(self, declare: Callable[[str, str], None]) -> None:
        declare("afar", "theirs = ideas_of_others")
        assert scaled_by(load_mitigation("theirs")) == [0.5]

    @pytest.mark.parametrize("value", ["no module!", "a:b:c", "1st", "a.b:"])
    def test_one_that_cannot_be_read_is_one_line_and_hides_no_other(
        self, value: str, declare: Callable[[str, str], None]
    ) -> None:
        declare("afar", f"theirs = {value}")
        declare("near", "ours = ideas_of_others")
        assert "the package afar declares 'theirs' as" in refused("theirs")
        assert {"theirs", "ours"} <= set(loading.installed_names())
        assert scaled_by(load_mitigation("ours")) == [0.5]

    def test_two_packages_with_one_name_are_one_line(
        self, declare: Callable[[str, str], None]
    ) -> None:
        declare("afar", "theirs = ideas_of_others")
        declare("near", "theirs = ideas_of_others:other")
        said = refused("theirs")
        assert "afar and near both provide a mitigation 'theirs'" in said
        assert "ideas_of_others: or ideas_of_others:other" in said

    def test_the_name_of_a_built_in_stays_with_it(
        self, declare: Callable[[str, str], None]
    ) -> None:
        declare("afar", "liminal = ideas_of_others")
        assert "liminal" not in loading.installed_names()
        assert load_mitigation("liminal").title == "Liminal training"
