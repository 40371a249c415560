"""`new` writes a mitigation that keeps the rules, over nothing that is there."""

from pathlib import Path

import pytest

from subliminal_bench.conformance import CHECKS
from tests.support.plugins_for_tests import write
from tests.support.terminal import Terminal

pytest_plugins = ["pytester"]


class TestNew:
    def test_it_writes_a_mitigation_and_its_test(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        done = type_in("new", "my_idea")
        assert done.code == 0, done.err
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "my_idea.py",
            "test_my_idea.py",
        ]
        for said in ("subliminal-bench check my_idea.py", "pytest test_my_idea.py"):
            assert said in done.out
        assert type_in("new", "other", "--folder", tmp_path / "a" / "folder").code == 0
        assert (tmp_path / "a" / "folder" / "test_other.py").is_file()

    def test_a_name_with_a_hyphen_is_the_cards_and_its_file_has_an_underscore(
        self, type_in: Terminal, tmp_path: Path
    ) -> None:
        assert type_in("new", "my-idea").code == 0
        assert 'name="my-idea"' in (tmp_path / "my_idea.py").read_text()
        assert "my_idea.py" in (tmp_path / "test_my_idea.py").read_text()

    def test_the_commands_it_prints_can_be_typed_whatever_the_folders_name(
        self, type_in: Terminal
    ) -> None:
        done = type_in("new", "my_idea", "--folder", "two words")
        assert "subliminal-bench check 'two words/my_idea.py'" in done.out
        assert "pytest 'two words/test_my_idea.py'" in done.out

    @pytest.mark.parametrize("name", ["My_idea", "1st", "a b", "../up", "", "é"])
    def test_a_name_that_no_file_can_have_is_refused(
        self, name: str, type_in: Terminal, tmp_path: Path
    ) -> None:
        assert "my_idea" in type_in("new", name).error
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("there", ["my_idea.py", "test_my_idea.py"])
    def test_nothing_is_written_over(
        self, there: str, type_in: Terminal, tmp_path: Path
    ) -> None:
        write(tmp_path / there, "mine")
        assert there in type_in("new", "my_idea").error
        assert (tmp_path / there).read_text() == "mine"
        assert len(list(tmp_path.iterdir())) == 1

    @pytest.mark.parametrize("name", ["import", "class", "torch", "liminal"])
    def test_a_name_that_python_or_another_module_has_is_refused(
        self, name: str, type_in: Terminal
    ) -> None:
        assert name in type_in("new", name).error

    def test_what_it_writes_keeps_the_rules_in_its_own_test(
        self, type_in: Terminal, pytester: pytest.Pytester
    ) -> None:
        type_in("new", "my_idea", "--folder", pytester.path)
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "test_my_idea.py")
        result.assert_outcomes(passed=len(CHECKS))
