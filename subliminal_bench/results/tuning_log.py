"""The log of how settings were found: a table with a line for each trial.

A study's log begins with its facts, in lines that start with `#`, so that a submission need not
be told them again. Anybody else's log is a table alone.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas

from subliminal_bench.errors import ResultError
from subliminal_bench.untrusted.regular_file import read_bytes
from subliminal_bench.untrusted.submission_folder import MOST_BYTES

_LINE = re.compile(r"# (trials|space|seeds): (.+)")


@dataclass(frozen=True)
class TuningFacts:
    """What must be said of how settings were found.

    Attributes:
        trials: how many were tried.
        space: which, in words.
        seeds: on which seeds, such as `1001-1006`.
    """

    trials: int
    space: str
    seeds: str


def written_log(facts: TuningFacts, trials: pandas.DataFrame) -> bytes:
    """A log with its facts.

    >>> frame = pandas.DataFrame({"trial": [1, 2], "weight": [0.1, 0.3]})
    >>> print(written_log(TuningFacts(2, "weight=0.1..1", "1001-1006"), frame).decode(), end="")
    # trials: 2
    # space: weight=0.1..1
    # seeds: 1001-1006
    trial,weight
    1,0.1
    2,0.3
    """
    lines = [f"# {name}: {value}" for name, value in vars(facts).items()]
    return ("\n".join(lines) + "\n" + trials.to_csv(index=False, lineterminator="\n")).encode()


def read_facts(path: Path) -> TuningFacts | None:
    """The facts at the beginning of a log; None if it has none.

    Raises:
        ResultError: it cannot be read, or has only some of them.
    """
    text = read_bytes(path, MOST_BYTES).decode("utf-8", "replace")
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        match = _LINE.fullmatch(line)
        if match:
            found[match[1]] = match[2]
    if not found:
        return None
    if found.keys() != set(TuningFacts.__annotations__) or not found["trials"].isdecimal():
        raise ResultError(
            f"{path} begins with only a part of what a study's log says: its trials, space and "
            "seeds"
        )
    return TuningFacts(int(found["trials"][:9]), found["space"], found["seeds"])
