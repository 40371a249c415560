"""An ablation as a table and as a frame: what each part and mechanism contributes."""

import io
from collections.abc import Sequence
from typing import Any

import pandas
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.reports import short
from subliminal_bench.running.study.ablation import Ablated
from subliminal_bench.scoring.recommendation import keeps_kl, prevention_of, ratio_of

_WIDTH = 80


def ablation_text(found: Sequence[Ablated]) -> str:
    """The ablation for a terminal of 80 columns, without colours."""
    console = Console(width=_WIDTH, file=io.StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(ablation_table(found))
    return captured.get()


def ablation_table(found: Sequence[Ablated]) -> Table:
    """The ablation for a terminal: the whole first, then without each thing."""
    card = found[0].card
    table = Table(
        title=Text(
            f"ablation of {card.entry.mitigation.label} · {card.protocol.label} · "
            f"{seeds_phrase(card.seeds)}",
            style="bold",
        ),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
        show_edge=False,
    )
    table.add_column("", overflow="fold")
    for heading in ("prevention (95 %)", "loses", "KL", "expr.", "latent"):
        table.add_column(heading, justify="right", no_wrap=True)
    whole = prevention_of(card)
    for one in found:
        prevented, ratio = prevention_of(one.card), ratio_of(one.card)
        lost = whole.estimate - prevented.estimate if whole and prevented else None
        ours = one.card.columns[0]
        table.add_row(
            *map(
                Text,
                (
                    one.name,
                    f"{short.percent(prevented.estimate)} ({short.interval(prevented)})"
                    if prevented
                    else "cannot be told",
                    "" if one is found[0] or lost is None else f"{100 * lost:.0f}",
                    "–" if ratio is None else f"x{ratio:.2f}",
                    METRICS[EXPRESSED].show(ours.mean(EXPRESSED)),
                    METRICS[LATENT].show(ours.mean(LATENT)),
                ),
            )
        )
    return table


def ablation_frame(found: Sequence[Ablated]) -> pandas.DataFrame:
    """The ablation, one row per variant.

    Columns: `variant`, `prevention` with the ends of its 95 % interval, `prevention_low` and
    `prevention_high`, `kl_ratio`, whether the KL is `kept`, `expressed` and `latent`.
    """
    rows: list[dict[str, Any]] = []
    for one in found:
        prevented = prevention_of(one.card)
        rows.append(
            {
                "variant": one.name,
                "prevention": prevented and prevented.estimate,
                "prevention_low": prevented and prevented.low,
                "prevention_high": prevented and prevented.high,
                "kl_ratio": ratio_of(one.card),
                "kept": keeps_kl(one.card),
                "expressed": one.card.columns[0].mean(EXPRESSED),
                "latent": one.card.columns[0].mean(LATENT),
            }
        )
    return pandas.DataFrame(rows)
