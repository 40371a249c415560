"""Mitigations are composed and set up as written, or refused in one line."""

from pathlib import Path

import pytest

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.mitigation import load_mitigation
from tests.support.loaded import refused, scaled_by
from tests.support.plugins_for_tests import HEAD, one_line, scaling_source, write


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

    def test_a_name_longer_than_files_can_have_is_refused_as_soon_as_it_is_loaded(
        self, tmp_path: Path
    ) -> None:
        specs = [
            str(write(tmp_path / f"{letter}.py", scaling_source(letter * 100)))
            for letter in "ab"
        ]
        assert len(load_mitigation(specs[0]).name) == 100
        assert "201 letters, more than 200" in refused("+".join(specs))

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
