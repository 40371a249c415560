"""A file that says which mitigations, settings and protocols to run.

    protocols = ["mnist-5k"]
    seeds = "1-7"

    [[run]]
    mitigation = "liminal"

    [[run]]
    mitigation = "my_idea.py"
    settings = { weight = [0.1, 0.3, 1.0] }

Each value of a list is a row of its own; several lists are combined.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

from pydantic import Field

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.tracks import ROBUST, ROBUST_NAME
from subliminal_bench.mitigation.card import written_settings
from subliminal_bench.results.jsonfile import Line, StrictRecord, validated
from subliminal_bench.untrusted.regular_file import read_bytes
from subliminal_bench.untrusted.strict_json import check_numbers

_MOST_BYTES = 2**20
# Far more than anybody waits for.
_MOST_ROWS = 10_000

_Value = bool | int | float | str
_Values = _Value | list[_Value]


class RunLines(StrictRecord):
    """One mitigation of the file.

    Attributes:
        mitigation: as `run` takes it.
        settings: a value of each, or a list of values.
    """

    mitigation: Annotated[Line, Field(min_length=1)]
    settings: dict[Line, _Values] = Field(default_factory=dict)


class SetLines(StrictRecord):
    """What a file says.

    Attributes:
        protocols: in which all of it runs; `robust` stands for the robust set.
        seeds: such as `1-7`.
        run: the mitigations.
    """

    protocols: Annotated[list[Line], Field(min_length=1)] = Field(
        default_factory=lambda: ["mnist-5k"]
    )
    seeds: Line = "1-10"
    run: Annotated[list[RunLines], Field(min_length=1)]


@dataclass(frozen=True)
class Row:
    """One mitigation with one choice of settings.

    Attributes:
        mitigation: as `run` takes it.
        settings: `name=value` each.
    """

    mitigation: str
    settings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The mitigation, with the settings that are given.

        >>> Row("my_idea.py", ("weight=0.3",)).label
        'my_idea.py (weight=0.3)'
        """
        return (
            f"{self.mitigation} ({', '.join(self.settings)})"
            if self.settings
            else self.mitigation
        )


@dataclass(frozen=True)
class SetFile:
    """What to run.

    Attributes:
        protocols: their names.
        seeds: such as `1-7`.
        rows: the mitigations with their settings.
    """

    protocols: tuple[str, ...]
    seeds: str
    rows: tuple[Row, ...]


def read_set(path: Path) -> SetFile:
    """Read a file.

    Raises:
        ResultError: it is not TOML, or says something else; one line names what.
    """
    try:
        found = tomllib.loads(read_bytes(path, _MOST_BYTES).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ResultError(f"{path} is not valid TOML: {said:.200}") from None
    check_numbers(found, path)
    lines = validated(SetLines, found, path)
    rows: list[Row] = []
    for row in (row for one in lines.run for row in _rows(one)):
        if len(rows) == _MOST_ROWS:
            raise ResultError(f"{path} has more than {_MOST_ROWS} rows")
        rows.append(row)
    protocols = [name for given in lines.protocols for name in _expanded(given)]
    for what, names in (("protocol", protocols), ("run", [row.label for row in rows])):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ResultError(f"{path} has the {what} {twice[0]} twice")
    return SetFile(tuple(protocols), lines.seeds, tuple(rows))


def _expanded(protocol: str) -> list[str]:
    """The names of the robust set, if that is named."""
    return [track.name for track in ROBUST] if protocol == ROBUST_NAME else [protocol]


def _rows(one: RunLines) -> Iterator[Row]:
    """Every combination of the values."""
    lists = [value if isinstance(value, list) else [value] for value in one.settings.values()]
    for values in product(*lists):
        settings = written_settings(dict(zip(one.settings, values, strict=True)))
        yield Row(one.mitigation, tuple(settings))
