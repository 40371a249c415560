"""The README shows what the program prints, from the numbers that are committed."""

import re

import pytest

import subliminal_bench as sb
from tests.support.documents import README, blocks, in_order, page


def test_its_scorecard_is_the_one_of_the_committed_numbers() -> None:
    (shown,) = blocks(README, "text")
    card = sb.score("projection", protocol="mnist", store="there-is-none").summary()
    printed = [line.rstrip() for line in card.splitlines()]
    assert in_order(shown.splitlines(), printed) == []
    assert shown.splitlines()[0] == printed[0]
    rows = [line.split()[0] for line in shown.splitlines()[1:] if line[0] != " "]
    assert rows == [
        *("verdict", "why", "prevention", "expressed", "latent", "final", "seeds", "next")
    ]


def test_another_number_would_be_noticed() -> None:
    assert in_order(["a", "c"], ["a", "b", "c"]) == []
    assert in_order(["c", "a"], ["a", "b", "c"]) == ["a"]
    assert in_order(["a", "d"], ["a", "b", "c"]) == ["d"]


COLUMNS = (
    "rank",
    "entry",
    "verdict",
    "prevention (95 %), by reader",
    "expressed [%]",
    "latent [%]",
    "final KL ratio",
)
ROWS = 3


def cells(line: str) -> list[str]:
    return line.strip("|").split("|")


def head_of(text: str) -> list[str]:
    """The first lines of the leaderboard's first table, some columns of it."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    headings = [cell.strip() for cell in cells(lines[0])]
    table = lines[: next((i for i, line in enumerate(lines[1:], 1) if "rank" in line), None)]
    kept = [headings.index(column) for column in COLUMNS]
    return [f"|{'|'.join(cells(line)[place] for place in kept)}|" for line in table][: 2 + ROWS]


def test_its_leaderboard_is_the_head_of_the_page() -> None:
    shown = [line for line in README.splitlines() if line.startswith("|")]
    assert shown == head_of(page("leaderboard/README.md"))


@pytest.mark.parametrize("name", ["quick-start", "troubleshooting", "threat-model"])
def test_another_page_names_the_same_index_of_torchs_builds_for_cpus(name: str) -> None:
    setting = re.compile(r"PIP_EXTRA_INDEX_URL=https://[\w./-]+\w")
    (here,) = setting.findall(README)
    assert setting.findall(page(f"docs/{name}.md")) == [here]


def test_the_pins_of_torch_allow_its_builds_for_cpus() -> None:
    pins = re.findall(r"^torch(?:vision)?==(.*)$", page("constraints.txt"), re.MULTILINE)
    assert len(pins) == 2
    # A pin that names a build, such as 2.13.0+cpu, allows no other.
    assert not [pin for pin in pins if "+" in pin]
