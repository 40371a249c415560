"""The differences that these seeds can resolve, and those that more seeds could."""

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.reports.tables import Table
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.comparison import ALPHA, Comparison
from subliminal_bench.scoring.scorecard import Scorecard

_POINTS = METRICS["trait_accuracy"]
_ABSENT = "—"
# The numbers of seeds that the table shows beside those of the run.
_MORE_SEEDS = (20, 40, 60, 80, 100)


def sentences(card: Scorecard) -> list[str]:
    """One sentence for each comparison, in plain words."""
    return [_sentence(card.names[0], one) for one in card.comparisons]


def table(card: Scorecard) -> Table:
    """The smallest difference that is found four times in five, with these and more seeds."""
    counts = [len(card.seeds), *(count for count in _MORE_SEEDS if count > len(card.seeds))]
    headings = ["smallest difference found [points]"]
    headings += [f"{counts[0]} seeds (these)", *(f"{count} seeds" for count in counts[1:])]
    rows = [
        [f"against {one.reference}", *(_found(one, count) for count in counts)]
        for one in card.comparisons
    ]
    return Table(headings, rows)


def _sentence(name: str, one: Comparison) -> str:
    if not one.resolvable:
        return (
            f"With {one.trait.seeds} seed{'s' if one.trait.seeds != 1 else ''}, no difference "
            f"from {one.reference} can be resolved, however large: that is not evidence that "
            "there is none."
        )
    if one.trait.sd == 0 and one.trait.mean == 0:
        return f"{name} and {one.reference} are the same on every seed."
    measured = f"{_POINTS.show(one.trait.mean, signed=True)} points"
    limit = f"{_POINTS.show(one.resolves or 0.0)} points"
    if one.resolved:
        return (
            f"{name} and {one.reference} are told apart: {measured}. A true difference of "
            f"{limit} is found four times in five."
        )
    return (
        f"{name} and {one.reference} are not told apart: {measured}. A true difference below "
        f"{limit} would often be missed, so this is not evidence that there is none."
    )


def _found(one: Comparison, seeds: int) -> str:
    """Like the scorecard's `resolves`, for another number of seeds with the same scatter."""
    if one.trait.sd is None or one.together * statistics.smallest_p(seeds) > ALPHA:
        return _ABSENT
    level = ALPHA / one.together
    return _POINTS.show(statistics.resolvable_difference(one.trait.sd, seeds, alpha=level))
