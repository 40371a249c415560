"""The page on the architecture names what there is, and the recipes all places."""

import ast
import re
from pathlib import Path

import subliminal_bench
from tests.support.documents import blocks, page

PACKAGE = Path(subliminal_bench.__file__).parent
ARCHITECTURE = page("docs/architecture.md")
EXTENDING = page("docs/extending.md")
# Neither is a subject of its own.
UNNAMED = {"__init__", "__main__", "_shipped", "__pycache__", "errors", "progress", "shipped"}


def subjects() -> set[str]:
    """Modules and packages of the package."""
    return {
        path.stem
        for path in PACKAGE.iterdir()
        if (path.suffix == ".py" or path.is_dir()) and path.stem not in UNNAMED
    }


def test_its_table_names_every_module_and_no_other() -> None:
    table = ARCHITECTURE.partition("## The modules")[2].partition("\nA cohort")[0]
    named = set(re.findall(r"`(\w+)/?`", table)) - {"subliminal_bench"}
    assert named == subjects()


def rows() -> dict[str, int]:
    """The table's row of every subject."""
    table = ARCHITECTURE.partition("## The modules")[2].partition("\nA cohort")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][1:]
    return {
        subject: number
        for number, line in enumerate(lines)
        for subject in re.findall(r"`(\w+)/?`", line)
    }


def imported(path: Path) -> set[str]:
    """The subjects that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, _, rest = node.module.partition(".")
            if package == PACKAGE.name:
                found |= {rest.partition(".")[0]} if rest else {one.name for one in node.names}
    return found


def test_every_module_uses_only_what_stands_above_it() -> None:
    row, checked = rows(), 0
    for path in PACKAGE.rglob("*.py"):
        subject = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if subject not in row:
            continue
        used = imported(path) & row.keys()
        assert {one for one in used if row[one] > row[subject]} == set(), path.name
        checked += len(used)
    assert checked > 200


def test_every_module_in_its_diagram_exists() -> None:
    (diagram,) = blocks(ARCHITECTURE, "mermaid")
    labels = re.findall(r'\["([^"]*)"\]', diagram)
    named = {
        module
        for label in labels
        for module in re.split(r", ", label.partition(":")[0])
        if label != "your mitigation"
    }
    assert named - {"hooks", "protocol"} <= subjects()
    assert {"hooks", "protocol", "store", "statistics"} <= named


def test_every_arrow_of_its_diagram_ends_at_something() -> None:
    (diagram,) = blocks(ARCHITECTURE, "mermaid")
    nodes = set(re.findall(r'(\w+)\["', diagram))
    arrows = [line for line in diagram.splitlines() if "->" in line]
    for line in arrows:
        bare = re.sub(r'\["[^"]*"\]|\|"[^"]*"\|', "", line)
        assert set(re.split(r"\s*<?-->\s*", bare.strip())) <= nodes, line
    assert len(arrows) > 10


def recipe(heading: str) -> set[str]:
    """The files that a recipe's table names."""
    section = EXTENDING.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([\w/]+\.py)` \|", section, re.MULTILINE))


def files_with(word: str) -> set[str]:
    """The package's files in which a word stands."""
    return {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(rf"\b{word}\b", path.read_text())
    }


def test_the_recipe_for_a_hook_names_every_file_that_its_example_is_in() -> None:
    assert recipe("A hook") == files_with("parameter_update")


def test_the_recipe_for_a_metric_names_every_file_that_its_example_is_in() -> None:
    assert recipe("A metric") == files_with("class_head_change")
