"""The report page's part about tracks."""

from collections.abc import Sequence
from dataclasses import dataclass

from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.reports import path_figures, robust, track_figures
from subliminal_bench.reports.section import PageFigure, placed
from subliminal_bench.reports.tables import Table
from subliminal_bench.scoring.path_shapes import PathShape, path_shape
from subliminal_bench.scoring.robust import RobustScorecard


@dataclass(frozen=True)
class OnTracks:
    """What the page says about one mitigation.

    Attributes:
        name: of the mitigation, with its changed settings.
        rows: the figure with a row per track; None if it was run on none of them.
        profile: the performance profiles as step curves; None if there is no other entry.
        table: the numbers in the rows.
        profiles: the numbers in the profiles.
        sentences: what follows from the rows.
        missing: the tracks without finished runs, with the reason.
    """

    name: str
    rows: PageFigure | None
    profile: PageFigure | None
    table: Table
    profiles: Table
    sentences: list[str]
    missing: list[str]


@dataclass(frozen=True)
class TrackPart:
    """The whole part.

    Attributes:
        mitigations: one of each scored run.
        side_by_side: plain distillation's paths, a panel each; None if no path is known.
        in_one: the same in one panel, against the KL and on the way.
        numbers: the table below them.
        pathless: the tracks that were run and have no curve.
    """

    mitigations: list[OnTracks]
    side_by_side: PageFigure | None
    in_one: list[PageFigure]
    numbers: Table | None
    pathless: list[str]


def track_part(cards: Sequence[RobustScorecard]) -> TrackPart | None:
    """The part's content; None for a page that is not about tracks."""
    if not cards:
        return None
    ran = {row.track for card in cards for row in card.rows if row.card}
    shapes = shapes_of(cards)
    drawn = {shape.track for shape in shapes}
    return TrackPart(
        mitigations=[_on_tracks(f"tracks-{place}", card) for place, card in enumerate(cards)],
        side_by_side=placed("paths", path_figures.side_by_side(shapes)) if shapes else None,
        in_one=[
            placed(f"paths-{against}", path_figures.in_one(shapes, against))
            for against in path_figures.AGAINST
            if len(shapes) > 1
        ],
        numbers=path_figures.numbers(shapes) if shapes else None,
        pathless=sorted(ran - drawn),
    )


def shapes_of(cards: Sequence[RobustScorecard]) -> list[PathShape]:
    """Plain distillation's path on each track on which something was scored.

    Of several scorecards, the one with the most seeds on a track gives that track's baseline.
    """
    found: dict[str, PathShape] = {}
    for row in (row for card in cards for row in card.rows):
        if row.card is None or BASELINE not in row.card.names:
            continue
        shape = path_shape(row.track, row.card.baseline.only(row.card.seeds))
        if shape and (row.track not in found or found[row.track].seeds < shape.seeds):
            found[row.track] = shape
    order = [row.track for row in cards[0].rows] if cards else []
    return sorted(found.values(), key=lambda shape: order.index(shape.track))


def _on_tracks(slug: str, card: RobustScorecard) -> OnTracks:
    rows, profile = track_figures.tracks(card), track_figures.profile(card)
    return OnTracks(
        name=card.name,
        rows=placed(slug, rows) if rows else None,
        profile=placed(f"{slug}-profile", profile) if profile else None,
        table=robust.rows(card),
        profiles=robust.profile(card),
        sentences=robust.conclusions(card),
        missing=[f"{row.track}: {row.failed}" for row in card.failed],
    )
