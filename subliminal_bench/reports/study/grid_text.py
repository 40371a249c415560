"""A grid of results as tables, and as a frame."""

from collections.abc import Sequence
from typing import Any

import pandas
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import describe_seeds, seeds_phrase
from subliminal_bench.reports import short
from subliminal_bench.reports.text import captured, titled_table
from subliminal_bench.running.grid import Cell
from subliminal_bench.scoring.recommendation import ratio_of


def grid_text(cells: Sequence[Cell]) -> str:
    """The grid for a terminal of 80 columns, without colours."""
    return captured(grid_view(cells))


def grid_view(cells: Sequence[Cell]) -> RenderableType:
    """The grid for a terminal: a table per protocol, then what is missing and what failed."""
    parts: list[RenderableType] = []
    for protocol in dict.fromkeys(cell.protocol for cell in cells):
        parts.append(_table(protocol, [cell for cell in cells if cell.protocol == protocol]))
    done = sum(cell.is_done for cell in cells)
    parts.append(Text(f"{done} of {len(cells)} complete", style="bold"))
    for cell in cells:
        name = f"{cell.row.label}, {cell.protocol}"
        if cell.failure:
            parts.append(Text(f"failed: {name}: {cell.failure}"))
        elif not cell.is_done:
            left = seeds_phrase(cell.missing) if cell.missing else "its references"
            parts.append(Text(f"missing: {name}: {left}"))
    return Group(*parts)


def _table(protocol: str, cells: Sequence[Cell]) -> Table:
    table = titled_table(protocol)
    table.add_column("mitigation", overflow="fold")
    table.add_column("verdict", overflow="fold")
    for heading in ("prevention", "expr.", "latent", "KL"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cell in cells:
        table.add_row(*map(Text, (cell.row.label, *_said(cell))))
    return table


def _said(cell: Cell) -> tuple[str, ...]:
    """The verdict and the numbers of a cell."""
    if cell.card is None:
        state = "failed" if cell.failure else "missing"
        return state, *["–"] * 4
    card = cell.card
    found = card.verdict.prevention if card.verdict else None
    ratio = ratio_of(card)
    return (
        card.verdict.text if card.verdict else "reference",
        short.percent(found.estimate) if found else "–",
        METRICS[EXPRESSED].show(card.columns[0].mean(EXPRESSED)),
        METRICS[LATENT].show(card.columns[0].mean(LATENT)),
        f"x{ratio:.2f}" if ratio else "x1" if card.verdict is None else "–",
    )


def grid_frame(cells: Sequence[Cell]) -> pandas.DataFrame:
    """The grid, one row per mitigation, choice of settings and protocol.

    Columns: `mitigation`, `settings`, `protocol`, `missing` seeds, `failure`; then `verdict`,
    `prevention`, `expressed`, `latent` and `kl_ratio`, None where they are not known.
    """
    rows: list[dict[str, Any]] = []
    for cell in cells:
        card = cell.card
        found = card.verdict.prevention if card and card.verdict else None
        rows.append(
            {
                "mitigation": cell.row.mitigation,
                "settings": ", ".join(cell.row.settings),
                "protocol": cell.protocol,
                "missing": describe_seeds(cell.missing),
                "failure": cell.failure,
                "verdict": card.verdict.text if card and card.verdict else None,
                "prevention": found and found.estimate,
                "expressed": card and card.columns[0].mean(EXPRESSED),
                "latent": card and card.columns[0].mean(LATENT),
                "kl_ratio": card and ratio_of(card),
            }
        )
    return pandas.DataFrame(rows)
