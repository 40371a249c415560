"""The scorecard as text: for a terminal, as markdown, as JSON. All three show one table."""

import json
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from tabulate import tabulate

from subliminal_bench.metrics import METRICS
from subliminal_bench.scorecard import Scorecard
from subliminal_bench.seeds import describe
from subliminal_bench.verdict import Comparison, show_p

_POINTS = METRICS["trait_accuracy"]


def terminal(card: Scorecard) -> RenderableType:
    """The scorecard for a terminal of 80 columns."""
    parts: list[RenderableType] = [
        Text(_title(card), style="bold"),
        _rich_table(_metric_headings(card), _metric_rows(card)),
    ]
    if card.comparisons:
        parts += [
            Text(""),
            _rich_table(_comparison_headings(), [_comparison_row(c) for c in card.comparisons]),
        ]
    parts.append(Text(""))
    if card.verdict:
        parts.append(Text(f"Verdict: {card.verdict.text}", style="bold"))
        parts += [Padding(Text(f"- {reason}"), (0, 0, 0, 1)) for reason in card.verdict.reasons]
    parts += [Text(f"Note: {note}") for note in _notes(card)]
    return Group(*parts)


def markdown(card: Scorecard) -> str:
    """The scorecard as markdown."""
    lines = [
        f"## {_title(card)}",
        "",
        tabulate(_metric_rows(card), _metric_headings(card), "github", disable_numparse=True),
    ]
    if card.comparisons:
        rows = [_comparison_row(comparison) for comparison in card.comparisons]
        lines += ["", tabulate(rows, _comparison_headings(), "github", disable_numparse=True)]
    if card.verdict:
        lines += ["", f"**Verdict: {card.verdict.text}**", ""]
        lines += [f"- {reason}" for reason in card.verdict.reasons]
    for note in _notes(card):
        lines += ["", f"Note: {note}"]
    return "\n".join(lines) + "\n"


def as_json(card: Scorecard) -> str:
    """The scorecard as JSON: unscaled numbers, and beside them the text shown elsewhere."""
    content: dict[str, Any] = {
        "entry": card.entry.mitigation.model_dump(),
        "protocol": card.protocol.model_dump(),
        "seeds": list(card.seeds),
        "metrics": {
            name: {
                run: {"mean": summary.mean, "sd": summary.sd, "shown": summary.show(metric)}
                for (run, _), summary in zip(card.runs(), card.summaries(name), strict=True)
            }
            for name, metric in METRICS.items()
        },
        "comparisons": {
            comparison.reference: {
                **vars(comparison.trait),
                "adjusted_p": comparison.adjusted_p,
                "resolved": comparison.resolved,
                "shown": dict(
                    zip(
                        _comparison_headings()[1:], _comparison_row(comparison)[1:], strict=True
                    )
                ),
            }
            for comparison in card.comparisons
        },
        "distillation": vars(card.distillation) if card.distillation else None,
        "verdict": {"word": card.verdict.text, "reasons": list(card.verdict.reasons)}
        if card.verdict
        else None,
        "notes": _notes(card),
        "sources": dict(card.sources),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _title(card: Scorecard) -> str:
    seeds = f"seeds {describe(card.seeds)} (n = {len(card.seeds)})"
    mitigation = card.entry.mitigation
    return f"{mitigation.label}, {mitigation.access} · {card.protocol.label} · {seeds}"


def _metric_headings(card: Scorecard) -> list[str]:
    return ["mean ± SD over seeds", *(name for name, _ in card.runs())]


def _metric_rows(card: Scorecard) -> list[list[str]]:
    return [
        [metric.heading, *(summary.show(metric) for summary in card.summaries(name))]
        for name, metric in METRICS.items()
    ]


def _comparison_headings() -> list[str]:
    return ["trait accuracy against", "points", "95 % interval", "p (Holm)", "resolves", "r"]


def _comparison_row(comparison: Comparison) -> list[str]:
    trait = comparison.trait
    interval = "—"
    if trait.low is not None and trait.high is not None:
        low, high = (_POINTS.show(end, signed=True) for end in (trait.low, trait.high))
        interval = f"{low} to {high}"
    smallest = trait.smallest_difference
    return [
        comparison.reference,
        _POINTS.show(trait.mean, signed=True),
        interval,
        show_p(comparison.adjusted_p) if trait.resolvable else "n too small",
        "—" if smallest is None else _POINTS.show(smallest),
        "—" if trait.correlation is None else f"{trait.correlation:.3f}",
    ]


def _notes(card: Scorecard) -> list[str]:
    notes = []
    for name, seeds in card.diverged().items():
        noun = "seed" if len(seeds) == 1 else "seeds"
        notes.append(
            f"{name} diverged on {noun} {describe(seeds)}: counted as 100 % trait accuracy in "
            "every comparison, left out of the means above"
        )
    notes += [f"{name} is {source}" for name, source in card.sources.items()]
    return notes


def _rich_table(headings: list[str], rows: list[list[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for position, heading in enumerate(headings):
        table.add_column(
            Text(heading), justify="left" if position == 0 else "right", overflow="fold"
        )
    for row in rows:
        # As Text: a unit in brackets is no markup.
        table.add_row(*map(Text, row))
    return table
