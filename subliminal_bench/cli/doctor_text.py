"""What the doctor found, as text and as JSON."""

import dataclasses
import json
import textwrap
from collections.abc import Sequence
from itertools import groupby

from subliminal_bench.cli.doctor_facts import Fact

FORMATS = ("terminal", "json")
_WIDTH = 80
_NAME = 18


def render(findings: Sequence[Fact], form: str) -> str:
    """A section a part of the program; what is wrong is marked, with what mends it."""
    if form == "json":
        rows = [dataclasses.asdict(one) | {"good": one.good} for one in findings]
        return json.dumps(rows, indent=1)
    parts = [
        "\n".join([section, *map(_line, group)])
        for section, group in groupby(findings, lambda one: one.section)
    ]
    wrong = sum(not one.good for one in findings)
    last = "all is usable" if not wrong else f"{wrong} to mend: the lines marked with !"
    return "\n\n".join([*parts, last])


def _line(finding: Fact) -> str:
    mark = "  " if finding.good else "! "
    # A longer name, such as a folder's, has a line of its own.
    wide = len(finding.name) > _NAME
    head = (
        f"{mark}{finding.name}\n{' ' * (_NAME + 3)}"
        if wide
        else (f"{mark}{finding.name:{_NAME}s} ")
    )
    rows = [head + _folded(finding.found)]
    if finding.mend:
        rows.append(f"{'  mend with':{_NAME + 3}s}{_folded(finding.mend)}")
    return "\n".join(rows)


def _folded(text: str) -> str:
    """Within the width, where no word is longer: a path or command is never cut."""
    indent = " " * (_NAME + 3)
    lines = textwrap.wrap(
        text, _WIDTH - len(indent), break_long_words=False, break_on_hyphens=False
    )
    return f"\n{indent}".join(lines)
