"""The scorecard of a mitigation on several tracks: as text, as markdown and as JSON."""

import json
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from subliminal_bench.errors import checked_form
from subliminal_bench.experiment.metrics import SKILL_METRICS
from subliminal_bench.reports import short
from subliminal_bench.reports.markdown_text import literal
from subliminal_bench.reports.tables import Table
from subliminal_bench.reports.text import (
    FORMATS,
    captured,
    finite,
    markdown_table,
    prevention_numbers,
    rich_table,
)
from subliminal_bench.scoring.robust import TOLERANCES, RobustScorecard, TrackRow
from subliminal_bench.scoring.scorecard import Scorecard

_NONE = "—"
_SKILLS = ("skill_accuracy", "skill_accuracy_initial")


def show(robust: RobustScorecard, form: str) -> None:
    """Print it in one of the formats.

    Raises:
        ResultError: an unknown format.
    """
    if checked_form(form, FORMATS) == "terminal":
        Console().print(terminal(robust))
    else:
        print(text(robust, form), end="")


def text(robust: RobustScorecard, form: str) -> str:
    """In one of the formats; for the terminal with 80 columns.

    Raises:
        ResultError: an unknown format.
    """
    if checked_form(form, FORMATS) == "terminal":
        return captured(terminal(robust))
    return markdown(robust) if form == "markdown" else as_json(robust)


def terminal(robust: RobustScorecard) -> RenderableType:
    """For a terminal of 80 columns."""
    parts: list[RenderableType] = [Text(_title(robust), style="bold")]
    for table in (rows(robust), profile(robust)):
        parts += [rich_table(table), Text("")]
    parts += [Text(line) for line in sentences(robust)]
    return Group(*parts)


def markdown(robust: RobustScorecard) -> str:
    """As markdown."""
    lines = [f"## {literal(_title(robust))}", ""]
    for table in (rows(robust), profile(robust)):
        lines += [markdown_table(table), ""]
    lines += [f"- {literal(line)}" for line in sentences(robust)]
    return "\n".join(lines) + "\n"


def as_json(robust: RobustScorecard) -> str:
    """As JSON: unscaled numbers; null where something cannot be judged."""
    worst = robust.worst
    content: dict[str, Any] = {
        "mitigation": robust.name,
        "tracks": {row.track: _numbers(row) for row in robust.rows},
        "worst": worst.track if worst else None,
        "prevents_everywhere": robust.prevents_everywhere,
        "profile": {
            "tolerances": list(TOLERANCES),
            "entries": robust.profiles(),
        },
    }
    return json.dumps(content, indent=2) + "\n"


def rows(robust: RobustScorecard) -> Table:
    """A row per track: the word, the prevention, the KL and the skill."""
    return Table(
        ["track", "verdict", "prevention", "95 %", "KL", "skill", "seeds"],
        [[row.track, *_cells(row)] for row in robust.rows],
    )


def profile(robust: RobustScorecard) -> Table:
    """The performance profile of every entry that was run on the same tracks."""
    return Table(
        ["within of the best", *(f"{100 * one:.0f} points" for one in TOLERANCES)],
        [
            [name, *(f"{100 * share:.0f} %" for share in shares)]
            for name, shares in robust.profiles().items()
        ],
    )


def sentences(robust: RobustScorecard) -> list[str]:
    """What follows from the rows, in words, and where it was not run."""
    lost = [f"not run on {row.track}: {row.failed}" for row in robust.failed]
    return [*conclusions(robust), *lost]


def conclusions(robust: RobustScorecard) -> list[str]:
    """What follows from the rows, in words."""
    found = []
    worst = robust.worst
    if worst is not None:
        found.append(f"worst track: {worst.track}, {_prevented(worst)}")
    if not robust.failed:
        found.append(
            "it prevents something on every track"
            if robust.prevents_everywhere
            else "it does not prevent something on every track"
        )
    return found


def _title(robust: RobustScorecard) -> str:
    tracks = "1 track" if len(robust.rows) == 1 else f"{len(robust.rows)} tracks"
    return f"{robust.name} on {tracks}, with one setting"


def _prevented(row: TrackRow) -> str:
    if row.prevention is not None:
        return f"{short.percent(row.prevention)} prevented"
    verdict = row.card.verdict if row.card else None
    word = f"{verdict.text}: " if verdict else ""
    return f"{word}no prevention can be judged there"


def _cells(row: TrackRow) -> list[str]:
    if row.card is None:
        return ["not run", *[_NONE] * 5]
    card, verdict = row.card, row.card.verdict
    found, kept = card.prevention, card.distillation
    return [
        verdict.text if verdict else "reference",
        short.percent(found.estimate) if found else _NONE,
        short.interval(found) if found else _NONE,
        f"x{kept.ratio:.2f}" if kept else _NONE,
        skill_cell(card),
        str(len(card.seeds)),
    ]


def skills(card: Scorecard) -> tuple[float, float] | None:
    """The student's skill and the base's; None on a track without a capable base.

    It is None too if every student diverged.
    """
    ours = card.columns[0]
    if "skill_accuracy" not in ours.values or not ours.sound("skill_accuracy").size:
        return None
    own, base = (ours.mean(name) for name in _SKILLS)
    return own, base


def skill_cell(card: Scorecard) -> str:
    """The skill that is kept, of the base's."""
    found = skills(card)
    if found is None:
        return _NONE
    own, base = found
    show_skill = SKILL_METRICS["skill_accuracy"].show
    return f"{show_skill(own)} of {show_skill(base)}"


def _numbers(row: TrackRow) -> dict[str, Any]:
    if row.card is None:
        return {"failed": row.failed}
    card, verdict, kept = row.card, row.card.verdict, row.card.distillation
    kept_skill = {
        name: card.summaries(name)[0].mean for name in _SKILLS if name in card.columns[0].values
    }
    return {
        "verdict": verdict.text if verdict else None,
        "prevention": prevention_numbers(verdict.prevention if verdict else None),
        "kl_ratio": kept.ratio if kept else None,
        **kept_skill,
        "seeds": list(card.seeds),
        "other_shares": {name: finite(share) for name, share in row.others.items()},
    }
