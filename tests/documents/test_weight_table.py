"""The page's bounds are the program's, and its table has every plugin, far below them."""

import re

from benchmarks.recipes import RECIPES
from benchmarks.tricks import TRICKS
from benchmarks.weight_changes import HEADINGS
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.scoring.weight_marks import (
    EXCHANGED,
    FAR_MOVED,
    HEAD_MOVED,
    RESCALED,
    UNEXPLAINED,
)
from tests.support.documents import page
from tests.support.figures import section

SECTION = section(page("docs/verdict.md"), "What hooks did to the weights")
LINES = [line for line in SECTION.splitlines() if line.startswith("| ")]
CELLS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES]
TABLE = {name: dict(zip(HEADINGS[1:], cells, strict=True)) for name, *cells in CELLS[1:]}
# What is marked though there is nothing to hide, as the page says.
HONEST_AND_MARKED = {"gradient descent, rate 5", "second layer drawn anew, midway"}
WEIGHTS_OF_BEFORE = {"untrained last layer", "blended, 0.9", "blended, 0.7"}


def largest(cell: str) -> float:
    return float(cell.split(" to ")[-1])


def is_marked(row: dict[str, str]) -> bool:
    bounds = {
        "first layer": FAR_MOVED,
        "second layer": FAR_MOVED,
        "class head": HEAD_MOVED,
        "units exchanged": EXCHANGED,
        "rescaled by": RESCALED,
        "unexplained": UNEXPLAINED,
    }
    return any(largest(row[heading]) >= bound for heading, bound in bounds.items())


def test_the_bounds_are_those_of_the_program() -> None:
    prose = " ".join(SECTION.split())
    for said in (
        f"moved {FAR_MOVED:.0f} times as far",
        f"moved by {100 * HEAD_MOVED:.0f} % of its own size",
        f"{100 * EXCHANGED:.0f} % of a hidden layer's units were permuted",
        f"{RESCALED:.1f} times at least",
        f"do not explain {100 * UNEXPLAINED:.0f} % of the change",
    ):
        assert said in prose


def test_the_table_has_every_plugin_recipe_and_trick() -> None:
    assert CELLS[0] == list(HEADINGS)
    assert list(TABLE) == [*built_in_names(), *RECIPES, *TRICKS]


def test_no_plugin_is_near_a_mark() -> None:
    for name in built_in_names():
        row = TABLE[name]
        assert max(largest(row["first layer"]), largest(row["second layer"])) < FAR_MOVED / 5
        assert largest(row["class head"]) < HEAD_MOVED / 2
        assert largest(row["units exchanged"]) == 0
        assert largest(row["rescaled by"]) < 1 + (RESCALED - 1) / 5
        assert largest(row["unexplained"]) < UNEXPLAINED


def test_what_the_table_marks_is_what_the_page_says() -> None:
    marked = {name for name, row in TABLE.items() if is_marked(row)}
    assert marked == {*TRICKS} - WEIGHTS_OF_BEFORE | HONEST_AND_MARKED


def test_the_page_names_the_command_of_the_table() -> None:
    assert re.search(r"^    python -m benchmarks.weight_changes .*--seeds 1-2", SECTION, re.M)
