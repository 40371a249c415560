"""The report page: its content and order."""

from collections.abc import Sequence
from pathlib import Path

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.reports import figures, short
from subliminal_bench.reports.provenance import provenance
from subliminal_bench.reports.section import placed, run_section
from subliminal_bench.reports.tables import Table
from subliminal_bench.reports.templating import page_templates
from subliminal_bench.reports.track_part import track_part
from subliminal_bench.reports.tradeoff import Tradeoff, tradeoff_of
from subliminal_bench.results.store import Store
from subliminal_bench.scoring.ranking import RankedLevel
from subliminal_bench.scoring.robust import RobustScorecard
from subliminal_bench.scoring.scorecard import Scorecard
from subliminal_bench.scoring.statistics import MARGIN


def render_report(
    cards: Sequence[Scorecard],
    store: Store,
    levels: Sequence[RankedLevel],
    leaderboard: Path | None = None,
    robust: Sequence[RobustScorecard] = (),
) -> str:
    """The report as one self-contained HTML page.

    The same runs and files give the same page.

    Args:
        cards: the scored runs, all of one protocol.
        store: to look for curves in.
        levels: the leaderboard's; empty under a protocol without a leaderboard.
        leaderboard: its folder, to look for thinned curves of committed runs in.
        robust: the scored runs' mitigations on several tracks; empty for a page without them.

    Raises:
        ResultError: a file of curves is damaged.
    """
    runs = {name for card in cards for name in card.names}
    found = tradeoff_of(cards, levels)
    return (
        page_templates(runs)
        .get_template("page.html.jinja")
        .render(
            sections=[
                run_section(f"run-{place}", card, store, leaderboard)
                for place, card in enumerate(cards, 1)
            ],
            protocol=cards[0].protocol,
            tradeoff=placed("tradeoff", figures.tradeoff(found)),
            entries=_entries(found),
            tracks=track_part(robust),
            left_out=[f"{', '.join(them)}: {why}" for why, them in found.left_out.items()],
            has_leaderboard=bool(levels),
            margin=f"{MARGIN:.2f}",
            provenance=provenance(cards),
            metrics=METRICS.values(),
        )
    )


def _entries(found: Tradeoff) -> Table:
    """The table of the trade-off's points."""
    trait = METRICS["trait_accuracy"]
    best = {point.number for front in found.fronts for point in front}
    headings = [
        *("no.", "entry", "access", "verdict", "seeds", "prevention", "trait accuracy [%]"),
        *("final KL ratio", "Pareto front"),
    ]
    rows = [
        [
            str(point.number),
            point.label,
            point.card.entry.mitigation.access,
            point.card.verdict.text if point.card.verdict else "reference",
            describe_seeds(point.card.seeds),
            short.percent(point.prevention),
            point.card.summaries(trait.name)[0].show(trait),
            f"{point.ratio:.3f}",
            "yes" if point.number in best else "",
        ]
        for point in found.points
    ]
    return Table(headings, rows)
