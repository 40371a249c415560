"""What is known of how the settings of leaderboard entries were found.

A submission says it in its own `submission.toml`. This program's own plugins, which are no
submissions, have theirs in `leaderboard/tuned.json`, by the hash of the source: a plugin that
changes has to say it anew.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from subliminal_bench.errors import NoSuchFileError
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.results.draws import FRESH_SEEDS
from subliminal_bench.results.jsonfile import Line, StrictRecord, read_record
from subliminal_bench.results.run import MitigationRecord
from subliminal_bench.results.submissions import SUBMISSIONS, read_submission

_FILE = "tuned.json"

_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class TunedRecord(StrictRecord):
    """How a mitigation's settings were found.

    Attributes:
        trials: how many were tried; None if nobody wrote it down.
        space: which, in words.
        seeds: on which, such as `1-3`.
    """

    trials: Annotated[int, Field(ge=1, le=10**6)] | None
    space: Annotated[Line, Field(min_length=1)]
    seeds: Annotated[str, Field(pattern=r"^[0-9]+([,-][0-9]+)*$", max_length=200)]

    @property
    def text(self) -> str:
        """In a few words.

        >>> TunedRecord(trials=None, space="weight", seeds="1-3").text
        'an unknown number of trials on seeds 1-3'
        """
        count = "an unknown number of" if self.trials is None else str(self.trials)
        return f"{count} trials on seeds {self.seeds}"


class TunedSources(StrictRecord):
    """The record of every own plugin that was tuned, by the hash of its source."""

    schema_version: Literal[1]
    sources: dict[_Digest, TunedRecord]


def tuned_record(root: Path, mitigation: MitigationRecord) -> TunedRecord | None:
    """How an entry's settings were found; None if nothing is known to have been tuned.

    Args:
        root: the leaderboard's folder.
        mitigation: the entry's.

    Raises:
        ResultError: a file is damaged.
    """
    folder = root / SUBMISSIONS / mitigation.name
    if folder.is_dir():
        tuning = read_submission(folder).text.tuning
        return (
            TunedRecord(trials=tuning.trials, space=tuning.space, seeds=tuning.seeds)
            if tuning
            else None
        )
    try:
        known = read_record(TunedSources, root / _FILE, root=root)
    except NoSuchFileError:
        return None
    return known.sources.get(mitigation.source_sha256)


def ranking_seeds(seeds: str) -> str:
    """Why settings that were tried on some seeds cannot be ranked; empty if they can.

    Args:
        seeds: such as `1001-1006`.

    >>> ranking_seeds("1-3")
    'its settings were tuned on seeds 1-3, which rank or verify entries (1 to 1000)'
    >>> ranking_seeds("1001-1006")
    ''
    """
    deciding = sorted({seed for part in seeds.split(",") for seed in _first_of(part)})
    if not deciding:
        return ""
    return (
        f"its settings were tuned on {seeds_phrase(deciding)}, which rank or verify entries "
        f"(1 to {FRESH_SEEDS[-1]})"
    )


def _first_of(part: str) -> range:
    """The seeds of a range that rank or verify entries."""
    first, _, last = part.partition("-")
    return range(int(first), min(int(last.partition("-")[0] or first), FRESH_SEEDS[-1]) + 1)
