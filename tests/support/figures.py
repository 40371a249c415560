"""Figures in a page's prose: numbers that a result or a rule gives."""

import re

NUMBER = r"[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)"
UNIT = r"(?:%|(?:percentage\ )?points|nats|mnat|GB)(?!\w)"
FIGURE = re.compile(
    rf"""(?<![\w.,/-])(?:
    [x×]({NUMBER})                                                # a ratio
    | ({NUMBER})(?=\ (?:(?:to|and|or)\ {NUMBER}\ )?{UNIT})        # with a unit
    | ([-+]?\d*\.\d+)(?!\w)                                       # with decimals
    )""",
    re.VERBOSE,
)
# What has decimals and is no figure: code, where a link leads, names and versions.
NAMES = r"`[^`]*`|\]\([^)]*\)|(?:arXiv|Python|[Vv]ersion|torch) \d[\d.]*"


def figures(text: str) -> set[str]:
    """The figures of a page outside its fenced blocks, as they are written, without units."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = " ".join(re.sub(NAMES, " ", text).split())
    return {next(filter(None, found.groups())) for found in FIGURE.finditer(prose)}


def section(text: str, heading: str) -> str:
    """A page's part from a heading to the next one."""
    (found,) = re.findall(
        rf"^## {re.escape(heading)}$.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    return str(found)
