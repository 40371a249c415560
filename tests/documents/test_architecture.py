"""The pages on the architecture and on extending it name what there is, and every place."""

import re
from pathlib import Path

import subliminal_bench
from tests.support.documents import ROOT, blocks, page

PACKAGE = Path(subliminal_bench.__file__).parent
ARCHITECTURE = page("docs/architecture.md")
EXTENDING = page("docs/extending.md")


def table() -> dict[str, set[str]]:
    """The names in each row of the rooms' table, by the names in its first cell."""
    section = ARCHITECTURE.partition("## The rooms")[2].partition("\nRules of the rooms")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    return {
        room: set(re.findall(r"`(\w+)/?`", about))
        for rooms, about in rows
        for room in re.findall(r"`(\w+)/?`", rooms)
    }


def files_of(room: Path) -> set[str]:
    """The modules and folders of a room."""
    return {
        path.stem
        for path in room.iterdir()
        if (path.suffix == ".py" or path.is_dir()) and not path.name.startswith("__")
    }


def test_its_table_names_every_room_and_no_other() -> None:
    assert set(table()) == files_of(PACKAGE) - {"_shipped"}


def test_its_table_names_every_file_of_every_room() -> None:
    for room, named in table().items():
        folder = PACKAGE / room
        # What is in a folder within a room is that folder's own matter.
        if folder.is_dir() and room not in ("suite", "pytest_plugin"):
            there = files_of(folder)
            assert there <= named, room
            within = {name for one in there for name in files_of_folder(folder / one)}
            assert named - there <= within, room


def files_of_folder(folder: Path) -> set[str]:
    return files_of(folder) if folder.is_dir() else set()


def test_every_place_in_its_diagram_exists() -> None:
    (diagram,) = blocks(ARCHITECTURE, "mermaid")
    labels = re.findall(r'"([^"]*)"', diagram)
    named = {
        name
        for label in labels
        for name in re.split(r", or |, ", label.partition(":")[0])
        if label.partition(":")[0]
    }
    for name in named:
        place = PACKAGE / name
        assert place.is_dir() or place.with_suffix(".py").is_file(), name
    assert len(named) > 15


def test_every_arrow_of_its_diagram_ends_at_something() -> None:
    (diagram,) = blocks(ARCHITECTURE, "mermaid")
    nodes = set(re.findall(r'(\w+)\["', diagram))
    arrows = [line for line in diagram.splitlines() if "->" in line]
    for line in arrows:
        bare = re.sub(r'\["[^"]*"\]|\|"[^"]*"\|', "", line)
        assert set(re.split(r"\s*<?-->\s*", bare.strip())) <= nodes, line
    assert len(arrows) > 10


def test_it_opens_with_the_readable_experiment() -> None:
    first = ARCHITECTURE.partition("## ")[2].partition("## ")[0]
    assert "(../sequential/experiment.py)" in first
    assert (ROOT / "sequential" / "experiment.py").is_file()


def recipe(heading: str) -> set[str]:
    """The files that a recipe's table names."""
    section = EXTENDING.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([\w/]+\.py)` \|", section, re.MULTILINE))


def files_with(*words: str) -> set[str]:
    """The package's files in which one of some words is written."""
    return {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if any(re.search(rf"\b{word}\b", path.read_text()) for word in words)
    }


def test_the_recipe_for_a_hook_names_every_file_that_its_example_is_in() -> None:
    assert recipe("A hook") == files_with("parameter_update")


def test_the_recipe_for_a_metric_names_every_file_that_its_example_is_in() -> None:
    assert recipe("A metric") == files_with("class_head_change")


def test_the_recipe_for_references_names_every_file_with_a_rule() -> None:
    rules = files_with("def matching_entry", "def longest_references", "class ReferencePlan")
    assert recipe("How a reference is chosen") == rules | {"mitigation/builtin.py"}
