"""An ablation as a table and as a frame: what each part and mechanism contributes."""

from collections.abc import Sequence
from typing import Any

import pandas
from rich.table import Table
from rich.text import Text

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.reports import short
from subliminal_bench.reports.text import captured, titled_table
from subliminal_bench.running.study.ablation import Ablated
from subliminal_bench.scoring.recommendation import keeps_kl, prevention_of, ratio_of


def ablation_text(found: Sequence[Ablated]) -> str:
    """The ablation for a terminal of 80 columns, without colours."""
    return captured(ablation_table(found))


def ablation_table(found: Sequence[Ablated]) -> Table:
    """The ablation for a terminal: the whole first, then without each thing."""
    card = found[0].card
    table = titled_table(
        f"ablation of {card.entry.mitigation.label} · {card.protocol.label} · "
        f"{seeds_phrase(card.seeds)}"
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
