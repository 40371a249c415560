"""Prevention against distillation: every entry as a point, and the Pareto front."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from subliminal_bench.mitigation.builtin import BASELINE, REFERENCES
from subliminal_bench.mitigation.card import ACCESS_LEVELS, sees_labels
from subliminal_bench.reports import short
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.ranking import RankedLevel
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard


@dataclass(frozen=True)
class Point:
    """One entry beside plain distillation of the same seeds.

    Attributes:
        number: in the figure and in its table.
        card: the entry's scorecard.
        prevention: of the trait at equal distillation; 0 for plain distillation itself.
        ratio: final KL on fresh noise over the baseline's, geometric mean.
        scored: whether the report is about this entry.
    """

    number: int
    card: Scorecard
    prevention: float
    ratio: float
    scored: bool

    @property
    def label(self) -> str:
        """The mitigation's name and settings."""
        return self.card.entry.mitigation.label

    @property
    def is_oracle(self) -> bool:
        """Whether it saw what is computed from labels, which no real distiller has."""
        return sees_labels(self.card.entry.mitigation.access)


@dataclass(frozen=True)
class Tradeoff:
    """All points, and the Pareto fronts.

    Attributes:
        points: of the entries whose prevention can be told.
        fronts: for each access level the points on its front, by rising KL.
        left_out: the labels of the other entries, by the reason why.
    """

    points: tuple[Point, ...]
    fronts: tuple[tuple[Point, ...], ...]
    left_out: dict[str, list[str]]


def tradeoff_of(cards: Sequence[Scorecard], levels: Sequence[RankedLevel]) -> Tradeoff:
    """The points of the leaderboard's entries, of the scored runs and of their references.

    Each is compared with the baseline of its own seeds, so entries with different seeds are
    comparable. An entry without a prevention has no point: one that was not read in the body,
    one that broke its students or did not distil, one with a diverged student.

    Args:
        cards: of the scored runs.
        levels: the leaderboard's; empty under a protocol without a leaderboard.
    """
    listed = [row.card for level in levels for row in level.rows]
    taken: list[Scorecard] = []
    for card in (*cards, *listed, *_references(cards)):
        if all(card.entry.mitigation != other.entry.mitigation for other in taken):
            taken.append(card)
    points: list[Point] = []
    left_out: dict[str, list[str]] = {}
    for card in taken:
        place = _place(card)
        if isinstance(place, str):
            left_out.setdefault(place, []).append(card.entry.mitigation.label)
        else:
            points.append(Point(len(points) + 1, card, *place, scored=card in cards))
    by_level = (
        [point for point in points if point.card.entry.mitigation.access == access]
        for access in ACCESS_LEVELS
    )
    fronts = (_front(members) for members in by_level)
    return Tradeoff(tuple(points), tuple(front for front in fronts if front), left_out)


def _references(cards: Sequence[Scorecard]) -> Iterator[Scorecard]:
    """Scorecards of the cards' references."""
    for card in cards:
        for name, run in card.runs():
            if run is not card.entry and name in REFERENCES:
                against = {} if name == BASELINE else {BASELINE: card.baseline}
                yield build_scorecard(run.only(card.seeds), against)


def _place(card: Scorecard) -> tuple[float, float] | str:
    """Prevention and ratio against the baseline, or why there is none."""
    against, verdict = card.against_baseline, card.verdict
    if against is None or verdict is None:
        return 0.0, 1.0
    if verdict.prevention is None:
        return short.why_none(card, verdict)
    kept = against.distillation
    return (verdict.prevention.estimate, kept.ratio) if kept else "a student diverged"


def _front(points: Sequence[Point]) -> tuple[Point, ...]:
    by_number = {str(point.number): point for point in points}
    best = statistics.pareto_front(
        {number: (-point.prevention, point.ratio) for number, point in by_number.items()}
    )
    return tuple(sorted((by_number[number] for number in best), key=lambda one: one.ratio))
