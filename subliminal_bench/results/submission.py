"""Turning a finished run into an entry of the leaderboard."""

import hashlib
import json
from pathlib import Path

from subliminal_bench.errors import ResultError
from subliminal_bench.results.entries import check_eligible, read_entry_files
from subliminal_bench.results.run import Run, write_run


def submit_run(run: Run, folder: Path, replace: bool = False) -> Path:
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
    check_eligible(run)
    if run.mitigation.access == "blind" and run.blindness is None:
        raise ResultError(
            f"{run.mitigation.name} was not shown to be blind: finish it with "
            "subliminal-bench run"
        )
    label = run.mitigation.label
    present = read_entry_files(folder)
    if label in present:
        path, _ = present[label]
        if not replace:
            raise ResultError(f"there is an entry {label!r} already: --replace writes over it")
    else:
        path = folder / entry_file_name(run)
        if path.exists():
            raise ResultError(f"{path} holds another entry: give the mitigation another name")
    write_run(path, run)
    return path


def entry_file_name(run: Run) -> str:
    """An entry's file: its name, with a hash of its settings where those were changed."""
    mitigation = run.mitigation
    if not mitigation.changed:
        return f"{mitigation.name}.json"
    settings = json.dumps(mitigation.settings, sort_keys=True)
    return f"{mitigation.name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}.json"
