"""The scorecard as text: for a terminal, as markdown, as JSON. All three show one table."""

import json
from collections.abc import Callable
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from tabulate import tabulate

from subliminal_bench.errors import ResultError
from subliminal_bench.metrics import METRICS
from subliminal_bench.scorecard import Scorecard
from subliminal_bench.seeds import describe
from subliminal_bench.verdict import Comparison, show_interval, show_p

_POINTS = METRICS["trait_accuracy"]
_ABSENT = "—"


FORMATS = ("terminal", "markdown", "json")


def show(card: Scorecard, form: str) -> None:
    """Print the scorecard in one of the formats.

    Raises:
        ResultError: an unknown format.
    """
    if form == "terminal":
        Console().print(terminal(card))
    else:
        print({"markdown": markdown, "json": as_json}[checked_format(form)](card), end="")


def checked_format(form: str) -> str:
    """The format, where there is one of that name."""
    if form not in FORMATS:
        raise ResultError(f"unknown format {form!r}; choose one of {', '.join(FORMATS)}")
    return form


def terminal(card: Scorecard) -> RenderableType:
    """The scorecard for a terminal of 80 columns."""
    parts: list[RenderableType] = [
        Text(_title(card), style="bold"),
        _rich_table(_metric_headings(card), _metric_rows(card)),
    ]
    for headings, row in _comparison_tables(card):
        parts += [Text(""), _rich_table(headings, [row(one) for one in card.comparisons])]
    parts.append(Text(""))
    if card.verdict:
        parts.append(Text(f"Verdict: {card.verdict.text}", style="bold"))
        parts += [Text(f"- {reason}") for reason in card.verdict.reasons]
    parts += [Text(f"Note: {remark}") for remark in card.remarks]
    return Group(*parts)


def markdown(card: Scorecard) -> str:
    """The scorecard as markdown."""
    lines = [
        f"## {_title(card)}",
        "",
        tabulate(_metric_rows(card), _metric_headings(card), "github", disable_numparse=True),
    ]
    for headings, row in _comparison_tables(card):
        rows = [row(one) for one in card.comparisons]
        lines += ["", tabulate(rows, headings, "github", disable_numparse=True)]
    if card.verdict:
        lines += ["", f"**Verdict: {card.verdict.text}**", ""]
        lines += [f"- {reason}" for reason in card.verdict.reasons]
    for remark in card.remarks:
        lines += ["", f"Note: {remark}"]
    return "\n".join(lines) + "\n"


def as_json(card: Scorecard) -> str:
    """The scorecard as JSON: unscaled numbers, and beside them the text shown elsewhere."""
    content: dict[str, Any] = {
        "entry": card.entry.mitigation.model_dump(),
        "protocol": card.protocol.model_dump(),
        "isolation": card.entry.isolation.model_dump() if card.entry.isolation else None,
        "seeds": list(card.seeds),
        "metrics": {
            name: {
                run: {"mean": summary.mean, "sd": summary.sd, "shown": summary.show(metric)}
                for (run, _), summary in zip(card.runs(), card.summaries(name), strict=True)
            }
            for name, metric in METRICS.items()
        },
        "trait_accuracy_tails": {
            title: dict(zip(card.names, values, strict=True))
            for title, values in _tails(card).items()
        },
        "comparisons": [
            {
                "entry": one.entry,
                "reference": one.reference,
                "trait_accuracy": vars(one.trait),
                "adjusted_p": one.adjusted_p,
                "resolved": one.resolved,
                "distillation": vars(one.distillation) if one.distillation else None,
                "training_kl_ratio": one.training_ratio,
                "lower_in": one.lower_in,
                "shown": {
                    heading: cell
                    for headings, row in _comparison_tables(card)
                    for heading, cell in zip(headings[1:], row(one)[1:], strict=True)
                },
            }
            for one in card.comparisons
        ],
        "verdict": {"word": card.verdict.text, "reasons": list(card.verdict.reasons)}
        if card.verdict
        else None,
        "remarks": list(card.remarks),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _title(card: Scorecard) -> str:
    seeds = f"seeds {describe(card.seeds)} (n = {len(card.seeds)})"
    mitigation = card.entry.mitigation
    what = f"{mitigation.label}, {mitigation.access}" if _is_scored(card) else "side by side"
    return f"{what} · {card.protocol.label} · {seeds}"


def _is_scored(card: Scorecard) -> bool:
    """Whether one run is held against the others, rather than all against all."""
    return all(one.entry == card.names[0] for one in card.comparisons)


def _metric_headings(card: Scorecard) -> list[str]:
    return ["mean ± SD over seeds", *(name for name, _ in card.runs())]


def _metric_rows(card: Scorecard) -> list[list[str]]:
    rows = [
        [metric.heading, *(summary.show(metric) for summary in card.summaries(name))]
        for name, metric in METRICS.items()
    ]
    tails = [
        [f"  {title} [%]", *(_POINTS.show(value) for value in values)]
        for title, values in _tails(card).items()
    ]
    after = list(METRICS).index(_POINTS.name) + 1
    return rows[:after] + tails + rows[after:]


def _tails(card: Scorecard) -> dict[str, list[float]]:
    """What the mean hides of every run's trait accuracy."""
    return {"middle half": card.middle_halves(), "worst tenth": card.worst_tenths()}


_Row = Callable[[Comparison], list[str]]


def _comparison_tables(card: Scorecard) -> list[tuple[list[str], _Row]]:
    """Headings and row of the tables on trait and on distillation."""
    if not card.comparisons:
        return []
    scored = _is_scored(card)

    def first(one: Comparison) -> str:
        return one.reference if scored else f"{one.entry} - {one.reference}"

    suffix = " against" if scored else ""
    return [
        (
            [
                f"trait accuracy{suffix}",
                *("points", "95 % interval", "p (Holm)", "lower in", "resolves", "r"),
            ],
            lambda one: [first(one), *_trait_cells(one)],
        ),
        (
            [f"final KL, fresh noise{suffix}", "ratio", "at most", "kept", "training KL ratio"],
            lambda one: [first(one), *_distillation_cells(one)],
        ),
    ]


def _trait_cells(comparison: Comparison) -> list[str]:
    trait = comparison.trait
    smallest = comparison.resolves
    return [
        _POINTS.show(trait.mean, signed=True),
        show_interval(trait),
        show_p(comparison.adjusted_p) if comparison.resolvable else "too few",
        f"{100 * comparison.lower_in:.0f} %",
        _ABSENT if smallest is None else _POINTS.show(smallest),
        _ABSENT if trait.correlation is None else f"{trait.correlation:.3f}",
    ]


def _distillation_cells(comparison: Comparison) -> list[str]:
    kept, training = comparison.distillation, comparison.training_ratio
    if kept is None or training is None:
        return [_ABSENT, _ABSENT, "diverged", _ABSENT]
    return [
        f"{kept.ratio:.3f}",
        _ABSENT if kept.high is None else f"{kept.high:.3f}",
        kept.verdict,
        f"{training:.3f}",
    ]


def _rich_table(headings: list[str], rows: list[list[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, show_edge=False)
    for position, heading in enumerate(headings):
        table.add_column(
            Text(heading), justify="left" if position == 0 else "right", overflow="fold"
        )
    for row in rows:
        # As Text: a unit in brackets is no markup.
        table.add_row(*map(Text, row))
    return table
