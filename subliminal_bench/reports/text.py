"""The scorecard as text for a terminal, as markdown and as JSON.

It is short unless `full` asks for every table.
"""

import io
import json
import math
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from tabulate import tabulate

from subliminal_bench.errors import checked_form
from subliminal_bench.experiment.metrics import EVERY_METRIC
from subliminal_bench.reports import short, tables
from subliminal_bench.reports.markdown_text import literal
from subliminal_bench.scoring.scorecard import Scorecard
from subliminal_bench.scoring.statistics import Prevention
from subliminal_bench.scoring.weight_marks import WeightMarks

FORMATS = ("terminal", "markdown", "json")
_WIDTH = 80


def show(card: Scorecard, form: str, full: bool = False) -> None:
    """Print the scorecard in one of the formats.

    Raises:
        ResultError: an unknown format.
    """
    if form == "terminal":
        Console().print(terminal(card, full))
    else:
        print(text(card, form, full), end="")


def text(card: Scorecard, form: str, full: bool = False) -> str:
    """The scorecard in one of the formats; for the terminal with 80 columns.

    Args:
        card: to show.
        form: `terminal`, `markdown` or `json`, which has everything.
        full: with every table.

    Raises:
        ResultError: an unknown format.
    """
    if checked_form(form, FORMATS) == "terminal":
        return captured(terminal(card, full))
    return markdown(card, full) if form == "markdown" else as_json(card)


def captured(content: RenderableType) -> str:
    """What a terminal of 80 columns without colours shows."""
    console = Console(width=_WIDTH, file=io.StringIO(), color_system=None)
    with console.capture() as shown:
        console.print(content)
    return shown.get()


def terminal(card: Scorecard, full: bool = False) -> RenderableType:
    """The scorecard for a terminal of 80 columns."""
    parts: list[RenderableType] = [Text(tables.title(card), style="bold")]
    if card.is_scored:
        parts.append(_short(card))
    if full or not card.is_scored:
        for table in [*tables.metrics(card).within(_WIDTH), *tables.comparisons(card)]:
            parts += [rich_table(table), Text("")]
    if full and card.equal:
        parts += [rich_table(tables.readers(card.equal, card.entry.start)), Text("")]
    if full and card.verdict:
        parts += [Text(f"- {reason}") for reason in card.verdict.reasons]
    if full and card.weights:
        parts.append(Text(tables.weights(card.weights)))
    parts += [Text(f"Note: {remark}") for remark in card.remarks]
    parts.append(Text("What a word means: subliminal-bench explain WORD"))
    return Group(*parts)


def markdown(card: Scorecard, full: bool = False) -> str:
    """The scorecard as markdown."""
    lines = [f"## {literal(tables.title(card))}", ""]
    if card.is_scored:
        lines += [markdown_table(tables.Table(["", "scorecard"], _short_rows(card)))]
    if full or not card.is_scored:
        for table in [tables.metrics(card), *tables.comparisons(card)]:
            lines += ["", markdown_table(table)]
    if full and card.equal:
        lines += ["", markdown_table(tables.readers(card.equal, card.entry.start))]
    if full and card.verdict:
        lines += ["", *(f"- {literal(reason)}" for reason in card.verdict.reasons)]
    if full and card.weights:
        lines += ["", literal(tables.weights(card.weights))]
    for remark in card.remarks:
        lines += ["", f"Note: {literal(remark)}"]
    return "\n".join(lines) + "\n"


def _short_rows(card: Scorecard) -> list[list[str]]:
    return [[what, said] for what, said in short.rows(card)]


def _short(card: Scorecard) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for what, said in short.rows(card):
        table.add_row(Text(what), Text(said, style="bold" if what == "verdict" else ""))
    return table


def as_json(card: Scorecard) -> str:
    """The scorecard as JSON: unscaled numbers, and the texts of the other formats."""
    compared = tables.comparisons(card)
    measured = {name: EVERY_METRIC[name] for name in card.columns[0].run.measured}
    content: dict[str, Any] = {
        "entry": card.entry.mitigation.model_dump(),
        "protocol": card.protocol.model_dump(),
        # Only if it is set, as in the run's file.
        **({"isolation": card.entry.isolation.model_dump()} if card.entry.isolation else {}),
        "seeds": list(card.seeds),
        "metrics": {
            name: {
                run: {"mean": summary.mean, "sd": summary.sd, "shown": summary.show(metric)}
                for (run, _), summary in zip(card.runs(), card.summaries(name), strict=True)
            }
            for name, metric in measured.items()
        },
        "trait_accuracy_tails": {
            title: dict(zip(card.names, values, strict=True))
            for title, values in tables.tails(card).items()
        },
        "comparisons": [
            {
                "entry": one.entry,
                "reference": one.reference,
                "trait_accuracy": _without_zero(vars(one.trait), "allowance"),
                "adjusted_p": one.adjusted_p,
                "resolved": one.resolved,
                "distillation": vars(one.distillation) if one.distillation else None,
                "training_kl_ratio": one.training_ratio,
                "lower_in": one.lower_in,
                "shown": {
                    heading: cell
                    for table in compared
                    for heading, cell in zip(
                        table.headings[1:], table.rows[place][1:], strict=True
                    )
                },
            }
            for place, one in enumerate(card.comparisons)
        ],
        "verdict": _verdict(card) if card.verdict else None,
        **({"weights": _weights(card.weights)} if card.weights else {}),
        "remarks": list(card.remarks),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _verdict(card: Scorecard) -> dict[str, Any]:
    """The verdict, the prevention behind it and every reader's share."""
    verdict, equal = card.verdict, card.equal
    assert verdict
    found = verdict.prevention
    return {
        "word": verdict.text,
        "reasons": list(verdict.reasons),
        "prevention": prevention_numbers(found),
        "resolves": verdict.resolves,
        "readers": {
            share.name: {
                "student": float(share.readings.entry.mean()),
                "plain_at_this_kl": float(share.readings.plain.mean()),
                "untrained": float(share.readings.untrained.mean()),
                "share": finite(share.path),
                "share_beyond_twin": None
                if share.beyond_twin is None
                else finite(share.beyond_twin),
                "enough_distilled": share.enough,
            }
            for share in (*equal.shares, equal.fit)
        }
        if equal
        else None,
    }


def prevention_numbers(found: Prevention | None) -> dict[str, Any] | None:
    """A prevention as JSON has it; null where it is not judged."""
    if found is None:
        return None
    return {
        "estimate": finite(found.estimate),
        "low": finite(found.low),
        "high": finite(found.high),
        "decided_by": found.deciding,
    }


def _weights(found: WeightMarks) -> dict[str, Any]:
    """What was done to the weights; unknown or endless numbers are null."""
    numbers = {
        name: {part: finite(one) for part, one in value.items()}
        if isinstance(value, Mapping)
        else value
        for name, value in vars(found).items()
    }
    return {**numbers, "marks": list(found.marks), "shown": tables.weights(found)}


def finite(value: float) -> float | None:
    """The value, or None where JSON has no number for it."""
    return value if math.isfinite(value) else None


def markdown_table(table: tables.Table) -> str:
    """A table as markdown, with everything in it shown as it is."""
    rows = [list(map(literal, row)) for row in table.rows]
    return tabulate(rows, list(map(literal, table.headings)), "github", disable_numparse=True)


def titled_table(title: str) -> Table:
    """An empty table for a terminal, with a title above it."""
    return Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
        show_edge=False,
    )


def rich_table(content: tables.Table) -> Table:
    """A table for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, show_edge=False)
    for position, heading in enumerate(content.headings):
        table.add_column(
            Text(heading), justify="left" if position == 0 else "right", overflow="fold"
        )
    for row in content.rows:
        # As Text, because a unit in brackets must not be read as markup.
        table.add_row(*map(Text, row))
    return table


def _without_zero(values: dict[str, Any], name: str) -> dict[str, Any]:
    """The values, without one that is zero and that older readers do not know."""
    return {key: value for key, value in values.items() if key != name or value}
