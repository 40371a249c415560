"""The page on readers: its example keeps the rules, and its tables name all there is."""

import inspect
import re
from pathlib import Path

from subliminal_bench.conformance.reader_checks import check_reader
from subliminal_bench.mitigation.builtin import READER, built_in_names
from subliminal_bench.reading.plugins.reader_card import RENDERINGS
from subliminal_bench.reading.plugins.reader_hooks import ReaderSpecifications
from subliminal_bench.reading.plugins.shown import SHOWN_NOISE
from subliminal_bench.reading.plugins.shown_model import Model
from subliminal_bench.running.breaking import FRESH_SEEDS
from subliminal_bench.scoring.breaking import FEWEST_SEEDS, MOST_IN_DECOY, MOST_STANDARD_ERROR
from tests.support.documents import blocks, page
from tests.support.plugins_for_tests import write

PAGE = page("docs/readers.md")


def rows(column: str) -> list[str]:
    """The names in the first column of the table with that heading."""
    table = PAGE.partition(f"| {column} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def test_its_example_keeps_the_rules(tmp_path: Path) -> None:
    (example,) = blocks(PAGE, "python")
    results = list(check_reader(str(write(tmp_path / "my_reader.py", example))))
    assert [one.check.name for one in results if not one.good] == []


def test_its_tables_name_every_argument_rendering_and_built_in_reader() -> None:
    arguments = list(inspect.signature(ReaderSpecifications.reader).parameters)[1:]
    assert rows("argument") == arguments
    assert rows("rendering") == list(RENDERINGS)
    assert sorted(rows("reader")) == built_in_names(READER)


def test_its_table_of_a_model_names_what_a_model_has() -> None:
    named = {call.removeprefix("student.").partition("(")[0] for call in rows("call")}
    assert named == {name for name in vars(Model) if not name.startswith("_")} & {
        name for name, value in vars(Model).items() if callable(value)
    }


def test_its_rules_have_the_programs_numbers() -> None:
    assert f"from {FRESH_SEEDS[0]} to {FRESH_SEEDS[-1]}, at least {FEWEST_SEEDS}" in PAGE
    assert f"at most {100 * MOST_STANDARD_ERROR:.0f} points at 20 seeds" in PAGE
    assert MOST_IN_DECOY == 1 / 4
    assert "at most a quarter of its gain in a *decoy*" in PAGE
    assert f"the first {SHOWN_NOISE:,} images" in PAGE
