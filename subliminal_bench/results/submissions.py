"""Submissions: folders with a mitigation's source, and what its author says of it.

    SUBMISSIONS/my_idea/submission.toml    its name, its file, its settings
                        idea.py            its source, with what that imports from beside it
                        tuning.csv         how the settings were found, if they were tuned

There is no number in it: whoever scores it makes the numbers.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field

from subliminal_bench.errors import ResultError
from subliminal_bench.mitigation.card import Value
from subliminal_bench.results.files import write_atomically
from subliminal_bench.results.jsonfile import Line, SettingValues, StrictRecord, validated
from subliminal_bench.untrusted.strict_json import check_numbers
from subliminal_bench.untrusted.submission_folder import folder_digest, read_submission_folder

SUBMISSIONS = "submissions"
SUBMISSION_FILE = "submission.toml"
_FILE = r"([A-Za-z][A-Za-z0-9_]{0,63}/)?[A-Za-z0-9_][A-Za-z0-9_-]{0,63}"


class Tuning(StrictRecord):
    """How a mitigation's settings were found.

    Attributes:
        trials: how many were tried.
        space: the settings that were tried, in words.
        seeds: on which they were tried, such as `21-40`.
        log: the file with a line for each trial.
    """

    trials: Annotated[int, Field(ge=1, le=10**6)]
    space: Annotated[Line, Field(min_length=1)]
    seeds: Annotated[str, Field(pattern=r"^[0-9]+([,-][0-9]+)*$", max_length=200)]
    log: Annotated[str, Field(pattern=rf"^{_FILE}\.csv$")]


class SubmissionText(StrictRecord):
    """What a `submission.toml` says.

    Attributes:
        name: of the mitigation, as on its card.
        mitigation: its file in the folder, or an object in it: `idea.py` or `idea.py:Idea`.
        settings: that differ from the card's.
        tuning: how they were found; None if they were not tuned.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    mitigation: Annotated[
        str, Field(pattern=rf"^{_FILE}\.py(:[A-Za-z_][A-Za-z0-9_]{{0,99}})?$")
    ]
    settings: SettingValues = Field(default_factory=dict)
    tuning: Tuning | None = None

    @property
    def file(self) -> str:
        """The mitigation's file in the folder."""
        return self.mitigation.partition(":")[0]


@dataclass(frozen=True)
class Submission:
    """A submission as it was read: the bytes that were judged are the bytes that are kept.

    Attributes:
        folder: that it was read from.
        text: what its `submission.toml` says.
        files: the bytes of all its files, by their path in the folder.
    """

    folder: Path
    text: SubmissionText
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def name(self) -> str:
        """The mitigation's name."""
        return self.text.name

    @property
    def mitigation(self) -> str:
        """The mitigation's file, or an object in it."""
        return self.text.mitigation

    @property
    def settings(self) -> dict[str, Value]:
        """The settings that differ from the card's."""
        return self.text.settings

    @property
    def sha256(self) -> str:
        """The digest of the whole folder."""
        return folder_digest(self.files)

    @property
    def spec(self) -> str:
        """The mitigation, as `load_mitigation` takes it."""
        return str(self.folder / self.mitigation)

    def copied_to(self, target: Path) -> "Submission":
        """The same submission, its files written into another folder.

        What is run from there is what was judged, whatever happens to the first folder.

        Args:
            target: a folder of this user's alone.

        Raises:
            ResultError: it cannot be written to.
        """
        for name, content in self.files.items():
            write_atomically(target / name, content, kept=True)
        return Submission(target, self.text, self.files)


def read_submission(folder: Path) -> Submission:
    """Read a submission's folder strictly.

    Raises:
        ResultError: it has anything but what a submission has; one line names the file.
    """
    files = read_submission_folder(folder)
    if SUBMISSION_FILE not in files:
        raise ResultError(f"no submission in {folder}: it has no {SUBMISSION_FILE}")
    text = parse_submission(files[SUBMISSION_FILE], folder / SUBMISSION_FILE)
    named = {"mitigation": text.file} | ({"tuning.log": text.tuning.log} if text.tuning else {})
    for key, name in named.items():
        if name not in files:
            raise ResultError(f"{folder / SUBMISSION_FILE}: {key}: there is no file {name}")
    return Submission(folder, text, files)


def parse_submission(content: bytes, path: Path) -> SubmissionText:
    """Read what a `submission.toml` says.

    Args:
        content: of the file.
        path: of the file, for the error.

    Raises:
        ResultError: it is not TOML, or says something else; one line names file and key.
    """
    try:
        found = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ResultError(f"{path} is not valid TOML: {said:.200}") from None
    check_numbers(found, path)
    return validated(SubmissionText, found, path)


def write_submission(path: Path, text: SubmissionText) -> None:
    """Write a `submission.toml`, atomically.

    Raises:
        ResultError: the folder cannot be written to.
    """
    write_atomically(path, submission_toml(text).encode(), kept=True)


def submission_toml(text: SubmissionText) -> str:
    """What a submission says, as TOML; `parse_submission` reads the same from it.

    >>> print(submission_toml(SubmissionText(name="idea", mitigation="idea.py")), end="")
    name = "idea"
    mitigation = "idea.py"
    """
    lines = [f"name = {_toml(text.name)}", f"mitigation = {_toml(text.mitigation)}"]
    tables: dict[str, Mapping[str, Value]] = {"settings": text.settings}
    if text.tuning:
        tables["tuning"] = text.tuning.model_dump()
    for name, table in tables.items():
        if table:
            lines += [
                "",
                f"[{name}]",
                *(f"{_toml(key)} = {_toml(table[key])}" for key in table),
            ]
    return "\n".join(lines) + "\n"


def _toml(value: Value) -> str:
    """A value as TOML, whose text has JSON's escapes and whose numbers have Python's form."""
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
