"""What a study of settings writes down; its numbers are in the folders of its runs.

STORE/mnist-5k-every-10-v1/study-my-idea-3f0c9a1be2/study.json         what is looked for
                                                    trial-0001.json    settings to try
                                                    outcome-0001.json  what became of them
                                                    check-0001.json    tried on other seeds
"""

from typing import Annotated, Literal

from pydantic import Field

from subliminal_bench.results.jsonfile import Line, SettingValues, StrictRecord
from subliminal_bench.results.run import MitigationRecord, ProtocolRecord

# Most trials of one study, and so the numbers that its files may have.
MOST_TRIALS = 9999

TrialState = Literal["complete", "pruned", "failed"]

_Number = Annotated[int, Field(ge=1, le=MOST_TRIALS)]
_Seeds = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]


class StudyRecord(StrictRecord):
    """What a study looks for, and where.

    Attributes:
        protocol: of its runs.
        mitigation: with the settings that all trials share.
        space: what is tried, by the name of the setting, such as `0.01..1:log`.
        seeds: on which settings are tried.
        baseline: the folder with plain distillation's results, beside the study's.
        command: the mitigation as the user named it.
        fixed: the settings that all trials share, `name=value` each.
    """

    protocol: ProtocolRecord
    mitigation: MitigationRecord
    space: dict[Line, Line]
    seeds: _Seeds
    baseline: Line
    command: Line
    fixed: list[Line]


class TrialRecord(StrictRecord):
    """Settings to try.

    Attributes:
        number: of the trial.
        settings: that are tried; all others are the study's.
        origin: `card` for the mitigation's own, `drawn` for those that cover the space,
            `optimiser` for those that follow from what was found before.
    """

    number: _Number
    settings: SettingValues
    origin: Literal["card", "drawn", "optimiser"]


class OutcomeRecord(StrictRecord):
    """What became of a trial.

    Attributes:
        number: of the trial.
        state: `pruned` if it was hopeless on the first seeds, `failed` if a hook failed.
        why: it was pruned, or failed; empty if it is complete.
        seeds: that it ran on; none if it failed.
        folder: the folder with its results, beside the study's.
    """

    number: _Number
    state: TrialState
    why: Line
    seeds: list[Annotated[int, Field(ge=1)]]
    folder: Line


class CheckRecord(StrictRecord):
    """Seeds that were used to check one trial, and for nothing else.

    Attributes:
        number: of the trial.
        seeds: that no trial ran on.
        folder: the folder with its results, beside the study's.
    """

    number: _Number
    seeds: _Seeds
    folder: Line


# Each kind of record, the pattern of its files and what is in them.
STUDY_FILES: tuple[tuple[type[StrictRecord], str, str], ...] = (
    (StudyRecord, "study.json", "what a study looks for"),
    (TrialRecord, "trial-*.json", "settings that a study tries"),
    (OutcomeRecord, "outcome-*.json", "what became of them"),
    (CheckRecord, "check-*.json", "other seeds that they were checked on"),
)
