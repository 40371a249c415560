"""Every command in the documents exists, and the cheap ones do what is said of them."""

import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import typer

from subliminal_bench import shipped
from subliminal_bench.cli import app
from subliminal_bench.experiment.protocol import MNIST
from tests.support.documents import PAGES, ROOT, blocks, commands, page
from tests.support.terminal import Terminal

PROGRAM = typer.main.get_command(app)
SUBCOMMANDS = getattr(PROGRAM, "commands", {})
# Also those in a group, as they are typed: `store list`.
EVERY_COMMAND = {
    " ".join(filter(None, (name, part))): one
    for name, command in SUBCOMMANDS.items()
    for part, one in getattr(command, "commands", {"": command}).items()
}
# Programs of others, whose options are theirs.
OTHERS = {"python3", ".", "export", "pip", "ray", ".venv/bin/pip", "docker", "mkdir", "cp"}
COMMANDS_PAGE = page("docs/commands.md")


def own(words: list[str]) -> list[str] | None:
    """What is typed after `subliminal-bench`, wherever it stands in a command."""
    for place, word in enumerate(words[:-1]):
        if Path(word).name == "subliminal-bench" and words[place + 1] in SUBCOMMANDS:
            return [one for one in words[place + 1 :] if one != ">"]
    return None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_can_be_typed(path: Path, request: pytest.FixtureRequest) -> None:
    for words in commands(path.read_text()):
        typed = own(words)
        if typed and words[0] not in ("docker", "ray"):
            # Raises where an option is unknown, a value unfit or an argument missing.
            SUBCOMMANDS[typed[0]].make_context(typed[0], typed[1:])
        elif "pytest" in " ".join(words[:3]):
            for option in re.findall(r"--subliminal[\w-]*", " ".join(words)):
                request.config.getoption(option)
        else:
            assert words[0] in OTHERS, words


def test_a_command_that_does_not_exist_is_noticed() -> None:
    (words,) = commands("```sh\nsubliminal-bench run liminal --sedes 1-7\n```\n")
    typed = own(words)
    assert typed == ["run", "liminal", "--sedes", "1-7"]
    with pytest.raises(typer.exceptions.TyperException):
        SUBCOMMANDS["run"].make_context("run", typed[1:])


def trains(block: str) -> bool:
    """Whether a command of an `sh` block trains students."""
    every = commands(f"```sh\n{block}```\n")
    return any(
        "pytest" in words or (own(words) or [""])[0] in ("run", "check") for words in every
    )


def beside_training(text: str) -> list[str]:
    """The paragraphs before and after each block that trains, together."""
    parts = re.split(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    paragraphs = [part.strip().split("\n\n") for part in parts[::2]]
    return [
        f"{before[-1]} {after[0]}"
        for (before, after), block in zip(pairwise(paragraphs), parts[1::2], strict=True)
        if trains(block)
    ]


@pytest.mark.parametrize("name", ["README.md", "docs/quick-start.md", "docs/tutorial.md"])
def test_it_says_beside_each_block_that_trains_how_long_that_takes(name: str) -> None:
    found = beside_training(page(name))
    assert len(found) >= 2
    for text in found:
        assert re.search(r"\b\w+\s(seconds|minutes)\b", text), text


class TestCommandsPage:
    def test_it_has_every_command_in_one_line(self) -> None:
        named = re.findall(
            r"^\| `subliminal-bench ([a-z-]+(?: [a-z]+)?)", COMMANDS_PAGE, re.MULTILINE
        )
        assert named == list(EVERY_COMMAND)

    def test_it_has_every_option_of_every_command(self) -> None:
        rows = re.findall(r"^\| (`-.*?) \| (`.*?) \| ", COMMANDS_PAGE, re.MULTILINE)
        documented = sorted(
            (command, option)
            for options, of in rows
            for option in re.findall(r"`(--?[\w-]+)`", options)
            for command in re.findall(r"`([\w -]+)`", of)
        )
        there = sorted(
            (name, option)
            for name, command in EVERY_COMMAND.items()
            for parameter in command.params
            if parameter.param_type_name == "option"
            for option in parameter.opts
        )
        assert documented == there


# A whole page of commands, one after another, on an experiment of a fraction of a second.
CHEAP = {"run", "new", "check", "list", "export", "compare", "report", "submit", "leaderboard"}


def cheaply(typed: list[str]) -> list[str]:
    """The same command on the test protocol, two seeds, two checks."""
    command, *rest = typed
    if command == "check":
        return [*typed, "--only", "loads,has_hooks"]
    if command != "run":
        return [word.replace("mnist-5k", "tiny") for word in typed]
    short = []
    for before, word in zip(["", *rest], rest, strict=False):
        if "--protocol" in (before, word):
            continue
        short.append("1-2" if before == "--seeds" else word)
    return ["run", *short, "--protocol", "tiny", "--device", "cpu"]


@pytest.mark.parametrize("name", ["README.md", "docs/quick-start.md", "docs/tutorial.md"])
def test_a_pages_commands_work_one_after_another(
    name: str, type_in: Terminal, tmp_path: Path
) -> None:
    text = page(name)
    shutil.copytree(shipped.folder("leaderboard"), tmp_path / "leaderboard")
    if name == "README.md":
        (tmp_path / "my_idea.py").write_text(blocks(text, "python")[0])
    ran = []
    for words in commands(text):
        typed = own(words)
        if typed is None or typed[0] not in CHEAP:
            continue
        done = type_in(*cheaply(typed))
        assert done.code == 0, (typed, done.err)
        ran.append(typed[0])
        if typed[0] == "new":
            generated = Path("my_idea.py").read_text()
            shown, added = blocks(text, "python")
            assert shown in generated
            Path("my_idea.py").write_text(f"{generated}\n\n{added}")
    assert ran.count("run") >= 2
    if "submit" in ran:
        (made,) = (tmp_path / "leaderboard" / "submissions").iterdir()
        assert made.name.replace("-", "_") == "my_idea"


def test_the_tutorial_reaches_the_leaderboard() -> None:
    typed = [words for words in map(own, commands(page("docs/tutorial.md"))) if words]
    assert [words[0] for words in typed][-2:] == ["submit", "score-submission"]
    assert ["run", "my_idea.py", "--protocol", MNIST.name, "--seeds", "1-20"] in typed


def test_every_page_with_commands_is_looked_at() -> None:
    assert ROOT / "docs" / "tutorial.md" in PAGES
    assert sum(len(commands(path.read_text())) for path in PAGES) > 30
