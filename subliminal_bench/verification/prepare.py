"""Preparing a submission: a folder with a mitigation's source, and no number."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from subliminal_bench.errors import ResultError, Setting
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.mitigation import load_mitigation, refuse_built_in_names
from subliminal_bench.results.entries import read_entries
from subliminal_bench.results.entry_names import check_origin
from subliminal_bench.results.files import write_atomically
from subliminal_bench.results.run import MitigationRecord
from subliminal_bench.results.submissions import (
    SUBMISSION_FILE,
    SUBMISSIONS,
    Submission,
    SubmissionText,
    Tuning,
    read_submission,
    write_submission,
)
from subliminal_bench.untrusted.regular_file import read_bytes
from subliminal_bench.untrusted.submission_folder import MOST_BYTES


@dataclass(frozen=True)
class TuningLog:
    """How a mitigation's settings were found, and the file that says so line by line."""

    trials: int
    space: str
    seeds: str
    file: Path


def prepare_submission(
    spec: str,
    settings: Sequence[str],
    root: Path,
    tuning: TuningLog | None = None,
    replace: bool = False,
) -> Submission:
    """Write the folder of a submission.

    Args:
        spec: the mitigation's .py file, or `file.py:attribute`.
        settings: that differ from the card's, `name=value` each.
        root: the leaderboard's folder.
        tuning: how the settings were found; None if nothing was tuned.
        replace: whether a folder of the same name is replaced.

    Raises:
        MitigationError: it cannot be loaded, or has a built-in's name.
        ResultError: it is more than one file's mitigation, loads what its source does not tell,
            or is not what a submission may be.
    """
    file, _, attribute = spec.partition(".py")
    path = Path(f"{file}.py")
    if len(loading.parts(spec)) > 1 or not path.is_file():
        raise ResultError(
            f"{spec} is not one .py file: a submission is one mitigation's source"
        )
    mitigation = load_mitigation(spec, settings)
    refuse_built_in_names(mitigation)
    sources = loading.sources(spec)
    if mitigation.untold:
        raise ResultError(
            f"{mitigation.name}: {mitigation.untold[0]}, may load what its source does not "
            "tell; a submission is all that it loads"
        )
    record = MitigationRecord.of(mitigation)
    entries = read_entries(root / "entries")
    check_origin(record, {label: one.mitigation for label, one in entries.items()}, replace)
    text = SubmissionText(
        name=mitigation.name,
        mitigation=f"{path.name}{attribute}",
        settings={name: record.settings[name] for name in record.changed},
        tuning=Tuning(
            trials=tuning.trials, space=tuning.space, seeds=tuning.seeds, log=tuning.file.name
        )
        if tuning
        else None,
    )
    files = {path.name: sources.main, **sources.beside}
    if tuning:
        files[tuning.file.name] = read_bytes(tuning.file, MOST_BYTES)
    return _written(root / SUBMISSIONS / mitigation.name, text, files, replace)


def _written(
    target: Path, text: SubmissionText, files: Mapping[str, bytes], replace: bool
) -> Submission:
    """Write the folder whole or not at all, and read it as a stranger's would be."""
    if target.exists() and not replace:
        raise ResultError(
            f"there is already a submission {target.name!r}",
            Setting("replace", switch=True),
            " overwrites it",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as folder:
        made = Path(folder) / target.name
        for name, content in files.items():
            write_atomically(made / name, content)
        write_submission(made / SUBMISSION_FILE, text)
        read_submission(made)
        if target.exists():
            shutil.rmtree(target)
        made.rename(target)
    return read_submission(target)
