"""Finding, loading and setting up mitigations: a mistake is one line that says what to do."""

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.builtin import REFERENCES, built_in_names
from subliminal_bench.mitigation.card import Parameter
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from tests.support.plugins_for_tests import HEAD, one_line, scaling_source, write

modest = settings(max_examples=100, deadline=None)
CARD = f"{HEAD}@hookimpl\ndef mitigation():\n    return Card('odd', 'Odd')\n\n"


def refused(spec: str | Path, *set_options: str) -> str:
    with pytest.raises(MitigationError) as caught:
        load_mitigation(str(spec), set_options)
    return one_line(caught.value)


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


def scaled_by(mitigation: Mitigation) -> list[float]:
    """What each plugin of scaling files makes of a gradient of one."""
    ones = torch.ones(1, 1)
    return [
        one.manager.hook.distill_gradient(gradient=ones, step=one).item()
        for one in mitigation.plugins
    ]


class TestNames:
    def test_the_three_references_are_built_in(self) -> None:
        assert set(REFERENCES) <= set(built_in_names())

    def test_a_built_in_bears_its_files_name(self) -> None:
        for name in built_in_names():
            assert load_mitigation(name).name == name

    def test_built_in_cards_say_what_they_need(self) -> None:
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
    "misspelled hook": (
        f"{CARD}@hookimpl\ndef distil_loss(loss):\n    return loss\n",
        ["distil_loss", "distill_loss"],
    ),
    "unknown hook argument": (
        f"{CARD}@hookimpl\ndef distill_loss(lose):\n    return lose\n",
        ["lose"],
    ),
    "hook not marked": (
        f"{CARD}def distill_loss(loss):\n    return 2 * loss\n",
        ["distill_loss", "@hookimpl"],
    ),
    "card not marked": (
        f"{HEAD}def mitigation():\n    return Card('odd', 'Odd')\n\n"
        "@hookimpl\ndef distill_loss(loss):\n    return loss\n",
        ["mitigation", "@hookimpl"],
    ),
    "no card at all": (
        f"{HEAD}@hookimpl\ndef distill_loss(loss):\n    return loss\n",
        ["mitigation"],
    ),
    "card not returned": (
        f"{HEAD}@hookimpl\ndef mitigation():\n    Card('odd', 'Odd')\n",
        ["Card", "return"],
    ),
    "card is a word": (
        f"{HEAD}@hookimpl\ndef mitigation():\n    return 'odd'\n",
        ["Card", "str"],
    ),
    "card without its parentheses": (
        f"{HEAD}@hookimpl\ndef mitigation():\n    return Card\n",
        ["Card", "()"],
    ),
    "card raises": (
        f"{HEAD}@hookimpl\ndef mitigation():\n    return 1 / 0\n",
        ["ZeroDivisionError", "odd.py, line 5"],
    ),
    "class that cannot be made": (
        f"{HEAD}class Odd:\n    def __init__(self, weight):\n        pass\n\n"
        "    @hookimpl\n    def mitigation(self):\n        return Card('odd', 'Odd')\n",
        ["weight"],
    ),
}

# Cards that are wrong, and what the line about each must say.
WRONG_CARDS: dict[str, tuple[str, list[str]]] = {
    "no title": ("Card('odd')", ["title"]),
    "title not text": ("Card('odd', None)", ["title"]),
    "name not text": ("Card(7, 'Odd')", ["name"]),
    "no name": ("Card('', 'Odd')", ["name"]),
    "name that leaves the store": ("Card('../../odd', 'Odd')", ["name"]),
    "name that is a path": ("Card('odd/odd', 'Odd')", ["name"]),
    "name of two lines": ("Card('odd\\nodd', 'Odd')", ["name"]),
    "name like a composition": ("Card('odd+even', 'Odd')", ["name"]),
    "name far too long": ("Card('odd' * 100, 'Odd')", ["name"]),
    "unknown access": ("Card('odd', 'Odd', access='oracle')", ["oracle", "trait-gradient"]),
    "parameter not in a tuple": (
        "Card('odd', 'Odd', parameters=Parameter('weight', 1.0))",
        ["parameters"],
    ),
    "parameter that is a word": ("Card('odd', 'Odd', parameters=('weight',))", ["Parameter"]),
    "default that --set cannot read": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', None),))",
        ["weight"],
    ),
    "default that is not finite": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', float('inf')),))",
        ["weight"],
    ),
    "default out of its own range": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', -1.0, minimum=0.0),))",
        ["weight"],
    ),
    "two parameters of one name": (
        "Card('odd', 'Odd', parameters=(Parameter('weight', 1.0), Parameter('weight', 2.0)))",
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

    @pytest.mark.parametrize("mistake", WRONG_CARDS)
    def test_a_wrong_card_is_one_line_before_anything_runs(
        self, mistake: str, tmp_path: Path
    ) -> None:
        card, said = WRONG_CARDS[mistake]
        source = f"{HEAD}@hookimpl\ndef mitigation():\n    return {card}\n"
        message = refused(write(tmp_path / "odd.py", source))
        for words in ["odd.py", *said]:
            assert words in message

    def test_a_helper_named_unlike_any_hook_needs_no_mark(self, tmp_path: Path) -> None:
        path = write(tmp_path / "odd.py", f"{CARD}def weight(step):\n    return 1\n")
        assert load_mitigation(str(path)).name == "odd"

    def test_a_mistake_in_a_package_is_one_line_too(self, importable: Path) -> None:
        write(importable / "module_that_raises.py", "raise ValueError('first\\nsecond')\n")
        assert "ValueError: first" in refused("module_that_raises:Thing")

    def test_a_file_loads_again_once_it_is_mended(self, tmp_path: Path) -> None:
        path = write(tmp_path / "halve.py", "raise ValueError\n")
        refused(path)
        write(path, scaling_source())
        assert load_mitigation(str(path)).name == "halve"


class TestComposition:
    def test_the_order_given_is_kept(self) -> None:
        assert load_mitigation("projection+liminal").name == "projection+liminal"
        assert load_mitigation("liminal+projection").name == "liminal+projection"
        assert (
            load_mitigation("liminal+projection").source_sha256
            != load_mitigation("projection+liminal").source_sha256
        )

    @pytest.mark.parametrize("spec", ["liminal+projection", "projection+liminal"])
    def test_it_has_the_highest_access_of_its_members(self, spec: str) -> None:
        assert load_mitigation(spec).access == "trait-gradient"
        assert load_mitigation("baseline+liminal").access == "blind"

    def test_its_settings_carry_their_owners_names(self) -> None:
        alone, composed = (load_mitigation(spec) for spec in ("liminal", "baseline+liminal"))
        assert composed.settings == {
            f"liminal.{name}": value for name, value in alone.settings.items()
        }

    @pytest.mark.parametrize("setting", ["lambda0=3", "liminal.lambda0=3"])
    def test_a_parameter_that_one_member_has_needs_no_owner(self, setting: str) -> None:
        loaded = load_mitigation("projection+liminal", [setting])
        assert loaded.settings["liminal.lambda0"] == 3.0

    def test_a_parameter_of_two_members_needs_its_owner(self, tmp_path: Path) -> None:
        first = write(tmp_path / "a.py", scaling_source("first"))
        second = write(tmp_path / "b.py", scaling_source("second"))
        spec = f"{first}+{second}"
        assert "first.factor=" in refused(spec, "factor=2")
        assert scaled_by(load_mitigation(spec, ["second.factor=2"])) == [0.5, 2.0]

    def test_advice_on_an_ambiguous_parameter_is_never_what_was_written(self) -> None:
        assert "write liminal.lambda0" not in refused("liminal+liminal", "liminal.lambda0=2")

    def test_members_of_one_name_are_refused_or_both_keep_their_values(
        self, tmp_path: Path
    ) -> None:
        weak = write(tmp_path / "a" / "halve.py", scaling_source(factor="0.9"))
        strong = write(tmp_path / "b" / "halve.py", scaling_source(factor="0.1"))
        try:
            kept = [str(one) for one in load_mitigation(f"{weak}+{strong}").settings.values()]
        except MitigationError as error:
            one_line(error)
            kept = ["0.9", "0.1"]
        assert kept == ["0.9", "0.1"]

    def test_two_objects_of_one_file_are_not_the_same(self, tmp_path: Path) -> None:
        source = (
            f"{HEAD}class Scale:\n    def __init__(self, factor):\n"
            "        self.factor = factor\n\n"
            "    @hookimpl\n    def mitigation(self):\n"
            "        return Card('scale', 'Scale')\n\n"
            "    @hookimpl\n    def distill_gradient(self, gradient):\n"
            "        return self.factor * gradient\n\n\n"
            "weak, strong = Scale(0.9), Scale(0.1)\n"
        )
        path = write(tmp_path / "scale.py", source)
        weak, strong = (load_mitigation(f"{path}:{name}") for name in ("weak", "strong"))
        assert scaled_by(weak) != scaled_by(strong)
        assert not weak.same_as(strong)


PARAMETERS = f"""{HEAD}@hookimpl
def mitigation():
    return Card(
        "odd",
        "Odd",
        parameters=(
            Parameter("weight", 1.0, minimum=0.0, maximum=10.0),
            Parameter("steps", 5, minimum=1),
            Parameter("often", True),
            Parameter("kind", "soft", choices=("soft", "hard")),
        ),
    )
"""


class TestSettings:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return write(tmp_path / "odd.py", PARAMETERS)

    def test_values_have_the_types_of_their_defaults(self, path: Path) -> None:
        loaded = load_mitigation(
            str(path), ["weight=2", " steps = 7 ", "often=no", "kind=hard"]
        )
        values = loaded.settings
        assert values == {"weight": 2.0, "steps": 7, "often": False, "kind": "hard"}
        assert [type(value) for value in values.values()] == [float, int, bool, str]
        assert loaded.plugins[0].settings.kind == "hard"

    @pytest.mark.parametrize("setting", ["weight=0", "weight=10", "steps=1"])
    def test_the_ends_of_a_range_belong_to_it(self, setting: str, path: Path) -> None:
        load_mitigation(str(path), [setting])

    @pytest.mark.parametrize(
        ("setting", "said"),
        [
            ("weight=heavy", "a number"),
            ("weight=", "a number"),
            ("weight=1,5", "a number"),
            ("weight=nan", "finite"),
            ("weight=inf", "finite"),
            ("weight=1e999", "finite"),
            ("weight=-0.1", "minimum"),
            ("weight=10.01", "maximum"),
            ("steps=1.5", "a whole number"),
            ("steps=0", "minimum"),
            ("often=maybe", "true or false"),
            ("kind=firm", "soft, hard"),
            ("wieght=1", "weight, steps, often, kind"),
            ("odd.wieght=1", "weight, steps, often, kind"),
            ("even.weight=1", "weight, steps, often, kind"),
            ("=1", "weight, steps, often, kind"),
            ("weight", "name=value"),
            ("", "name=value"),
            ("weight=1\n2", "a number"),
        ],
    )
    def test_a_wrong_setting_is_refused_with_what_fits(
        self, setting: str, said: str, path: Path
    ) -> None:
        assert said in refused(path, setting)

    def test_a_mitigation_without_parameters_says_so(self) -> None:
        assert "none" in refused("baseline", "weight=1")

    def test_a_hook_that_reads_an_undeclared_parameter_is_told_the_declared(
        self, path: Path
    ) -> None:
        own = load_mitigation(str(path)).plugins[0].settings
        with pytest.raises(AttributeError, match="declared: weight, steps, often, kind"):
            own.wieght  # noqa: B018

    @modest
    @given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans())
    def test_a_written_value_is_read_back(self, value: bool | int | float) -> None:
        read = Parameter("one", value).read(str(value))
        assert read == value
        assert type(read) is type(value)

    @modest
    @given(
        st.sampled_from([True, 1, 1.0, "word"]),
        st.text(max_size=20) | st.text("0123456789.-+e_ ", max_size=8),
    )
    def test_any_text_is_a_value_in_range_or_one_line(
        self, default: bool | int | float | str, text: str
    ) -> None:
        parameter = Parameter("one", default, minimum=0, maximum=100)
        try:
            value = parameter.read(text)
        except MitigationError as error:
            one_line(error)
        else:
            assert type(value) is type(default)
            assert isinstance(value, str) or 0 <= value <= 100
