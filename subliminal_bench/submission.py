"""Turning a finished run into an entry of the leaderboard."""

import hashlib
import json
import re
from pathlib import Path

from subliminal_bench import entries, leaderboard
from subliminal_bench.errors import ResultError
from subliminal_bench.results import Run, write_run


def submit(run: Run, folder: Path, replace: bool = False) -> Path:
    """Write a run into the folder of entries.

    Args:
        run: seeds 1 to n of the canonical protocol.
        folder: the entries.
        replace: overwrite an entry of the same name and settings.

    Raises:
        ProtocolError, ResultError: the run is not eligible, or its name is taken.

    Returns:
        The entry's file.
    """
    leaderboard.eligible(run)
    label = run.mitigation.label
    present = entries.read(folder)
    if label in present and not replace:
        raise ResultError(f"there is an entry {label!r} already: --replace writes over it")
    path = folder / f"{_slug(run, present)}.json"
    write_run(path, run)
    return path


def _slug(run: Run, present: dict[str, Run]) -> str:
    """The mitigation's name; with a hash of its settings where another entry has the name."""
    name = re.sub(r"[^a-z0-9_+-]", "-", run.mitigation.name.lower())
    taken = any(
        other.mitigation.name == run.mitigation.name and label != run.mitigation.label
        for label, other in present.items()
    )
    if not taken:
        return name
    settings = json.dumps(run.mitigation.settings, sort_keys=True)
    return f"{name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"
