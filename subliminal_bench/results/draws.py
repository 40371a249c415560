"""Fresh seeds: drawn after the sources that they test were fixed, and the results on them.

`leaderboard/fresh/DRAW/draw.json` says which seeds were drawn for which sources; beside it are
the runs of these sources and of plain distillation on them. Whoever wrote a source cannot have
chosen it by its luck on these seeds.
"""

import random
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import Field

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.results.entries import entry_file_name
from subliminal_bench.results.jsonfile import Line, StrictRecord, read_record, write_record
from subliminal_bench.results.run import ProtocolRecord, Run, read_run

# The seeds that may be drawn. The published ones are 1 to 100.
FRESH_SEEDS = range(101, 1001)
FEWEST_FRESH = 20
_FOLDER = "fresh"
_FILE = "draw.json"

DrawName = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{8}$")]


class Draw(StrictRecord):
    """Seeds that were drawn, and the sources that were fixed before.

    Attributes:
        protocol: of the runs.
        seeds: ascending.
        sources: the hash of each source, by the entry's label: of the folder that was
            submitted, or of this program's own plugin.
    """

    schema_version: Literal[1]
    protocol: ProtocolRecord
    seeds: list[int]
    sources: dict[Line, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]

    @pydantic.field_validator("seeds")
    @classmethod
    def _fresh(cls, seeds: list[int]) -> list[int]:
        if seeds != sorted(set(seeds)) or not set(seeds) <= set(FRESH_SEEDS):
            raise ValueError(
                f"fresh seeds must be ascending, from {FRESH_SEEDS[0]} to {FRESH_SEEDS[-1]}"
            )
        return seeds


def draw_seeds(
    root: Path, protocol: ProtocolRecord, sources: Mapping[str, str], count: int = FEWEST_FRESH
) -> tuple[str, Draw]:
    """The draw for some sources: a new one, or the one that these sources have already.

    Whoever draws again until the seeds please would choose them. So a source has one draw.

    Args:
        root: the leaderboard's folder.
        protocol: of the runs.
        sources: hashes by label; see `Draw`.
        count: how many seeds to draw.

    Returns:
        The name of the draw, and the draw.

    Raises:
        ResultError: a source has a draw already, and others of them have none, or another one.
    """
    wanted = {digest: find_draw(root, protocol, digest) for digest in sources.values()}
    known = {name for name in wanted.values() if name}
    if known:
        if len(known) > 1 or None in wanted.values():
            before = [label for label, digest in sources.items() if wanted[digest]]
            raise ResultError(
                f"{', '.join(before)}: fresh seeds were drawn for this source before: score "
                "sources with different draws one by one"
            )
        (name,) = known
        return name, read_draw(root, name)
    draw = drawn(protocol, sources, count)
    today = datetime.now(UTC).date().isoformat()
    name = f"{today}-{secrets.token_hex(4)}"
    write_record(root / _FOLDER / name / _FILE, draw, kept=True)
    return name, draw


def drawn(protocol: ProtocolRecord, sources: Mapping[str, str], count: int) -> Draw:
    """A new draw, which is not written.

    Args:
        protocol: of the runs.
        sources: see `Draw`.
        count: how many seeds to draw.
    """
    seeds = sorted(random.SystemRandom().sample(FRESH_SEEDS, count))
    return Draw(schema_version=1, protocol=protocol, seeds=seeds, sources=dict(sources))


def find_draw(root: Path, protocol: ProtocolRecord, digest: str) -> str | None:
    """The name of the latest draw for a source; None if there is none.

    Raises:
        ResultError: a draw's file is damaged.
    """
    for path in sorted((root / _FOLDER).glob(f"*/{_FILE}"), reverse=True):
        draw = read_record(Draw, path, root=root)
        if draw.protocol == protocol and digest in draw.sources.values():
            return path.parent.name
    return None


def read_draw(root: Path, name: str) -> Draw:
    """The draw of that name.

    Raises:
        ResultError: there is none, or its file is damaged.
    """
    return read_record(Draw, root / _FOLDER / name / _FILE, root=root)


def fresh_file(root: Path, draw: str, run: Run | None = None) -> Path:
    """The file of an entry's results on the seeds of a draw; by default the baseline's."""
    name = entry_file_name(run) if run else f"{BASELINE}.json"
    return root / _FOLDER / draw / name


def read_fresh(root: Path, name: str, run: Run) -> tuple[Run, Run]:
    """The results of an entry and of plain distillation on the seeds of a draw.

    Args:
        root: the leaderboard's folder.
        name: of the draw.
        run: the entry.

    Raises:
        ResultError: a file is missing or damaged, belongs to another mitigation or protocol, or
            has other seeds than the draw; or the draw has too few.
    """
    draw = read_draw(root, name)
    found = []
    for path in (fresh_file(root, name, run), fresh_file(root, name)):
        one = read_run(path, root)
        if list(one.seed_numbers) != draw.seeds:
            raise ResultError(f"{path} has other seeds than its draw")
        if one.protocol != run.protocol:
            raise ResultError(f"{path} is from another protocol than the entry")
        found.append(one)
    ours, baseline = found
    if ours.mitigation != run.mitigation or baseline.mitigation.name != BASELINE:
        raise ResultError(f"{fresh_file(root, name, run)} is not from the entry's mitigation")
    if len(draw.seeds) < FEWEST_FRESH:
        raise ResultError(
            f"draw {name} has only {seeds_phrase(draw.seeds)}: {FEWEST_FRESH} are needed"
        )
    return ours, baseline
