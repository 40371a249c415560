"""Turning a finished run into an entry of the leaderboard."""

import hashlib
import json
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
    present = entries.read_files(folder)
    if label in present:
        path, _ = present[label]
        if not replace:
            raise ResultError(f"there is an entry {label!r} already: --replace writes over it")
    else:
        path = folder / f"{_slug(run)}.json"
        if path.exists():
            raise ResultError(f"{path} holds another entry: give the mitigation another name")
    write_run(path, run)
    return path


def _slug(run: Run) -> str:
    """The mitigation's name; with a hash of its settings where they are not the defaults."""
    mitigation = run.mitigation
    if not mitigation.changed:
        return mitigation.name
    settings = json.dumps(mitigation.settings, sort_keys=True)
    return f"{mitigation.name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"
