"""The documents: their pages, and what is in them."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
README = (ROOT / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """What stands in a page's fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    """A page's text, by its path from the checkout's root."""
    return (ROOT / name).read_text()


def in_order(wanted: list[str], found: list[str]) -> list[str]:
    """The lines of `wanted` that do not come in `found`, in that order."""
    lines = iter(found)
    return [line for line in wanted if line and line not in lines]


def commands(text: str) -> list[list[str]]:
    """The commands of a page's `sh` blocks, as words; what a shell feeds in is left out."""
    found = []
    for block in blocks(text, "sh"):
        lines = re.sub(r"<<'END'\n.*?^END$", "", block, flags=re.MULTILINE | re.DOTALL)
        for line in lines.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                words = shlex.split(part)
                found += [words] if words else []
    return found


def anchors(path: Path) -> set[str]:
    """What a link may name within a page, as GitHub makes it of its headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
        for heading in headings
    }
