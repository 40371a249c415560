"""The two pictures of the front page: what the trait is, and what nobody has reached yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.card import Access
from subliminal_bench.reports.drawings import (
    TRADEOFF,
    DescribedFigure,
    dots,
    empty,
    handle,
    legend,
    logarithmic,
)
from subliminal_bench.reports.site.labels import write_labels
from subliminal_bench.reports.style import TEACHER, UNTRAINED, Series, drawing, light, series
from subliminal_bench.reports.traits import TRAITS, MeanPath, mean_path
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.ranking import RankedEntry
from subliminal_bench.scoring.scorecard import Scorecard
from subliminal_bench.scoring.statistics import MARGIN, SHARE_MARGIN

# What an entry may see decides its look here; plain distillation keeps its own.
LOOKS: dict[Access, tuple[str, Series]] = {
    "blind": ("blind entry", Series("entry", (), "o")),
    "teacher-classes": ("sees the teacher's classes", Series("liminal", (), "D")),
    "trait-gradient": ("oracle", Series("projection", (), "^")),
}
# More names would hide the points; the table has all of them.
_NAMED = 8
_MILLI = 1e3
_SAID = {"untrained": "untrained: the goal"}
_TICKS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 50, 100)
_FRONT: dict[str, Any] = {
    "color": light("faint"),
    "linewidth": 1,
    "linestyle": (0, (3, 2)),
}
# How far the path is drawn beyond the student that distilled least, as a factor of its KL.
_WIDEST = 1.6


@dataclass(frozen=True)
class Spot:
    """An entry's mean student; fractions, and the KL in nats."""

    row: RankedEntry
    expressed: float
    latent: float
    kl: float

    @property
    def look(self) -> Series:
        """By what it may see."""
        return LOOKS[self.row.run.mitigation.access][1]

    @property
    def is_blind(self) -> bool:
        """Whether it sees nothing that a distiller has not."""
        return self.row.run.mitigation.access == "blind"


def spots_of(rows: Sequence[RankedEntry]) -> list[Spot]:
    """The entries that were read in the body, but for plain distillation."""
    found = []
    for row in rows:
        if row.card.names[0] == BASELINE or not row.card.columns[0].is_read:
            continue
        means = [row.summary(name).mean for name in (EXPRESSED, LATENT, "kl_fresh")]
        if None not in means:
            found.append(Spot(row, *(float(one or 0) for one in means)))
    return found


@drawing()
def what_the_trait_is(spots: Sequence[Spot], plain: Scorecard) -> DescribedFigure:
    """Expressed against latent trait, one point per entry, with the models to compare with.

    Args:
        spots: of the entries.
        plain: plain distillation's scorecard.
    """
    figure, axes = empty(TRADEOFF)
    marks = {
        "untrained": (UNTRAINED, "initial_accuracy", f"{LATENT}_initial"),
        "teacher": (TEACHER, "teacher_accuracy", f"{LATENT}_teacher"),
        "plain distillation": (series(BASELINE), EXPRESSED, LATENT),
    }
    labels, places, told = [], [], []
    for name, (look, across, up) in marks.items():
        place = _mean(plain, across), _mean(plain, up)
        dots(axes, look, [100 * place[0]], [100 * place[1]], size=9)
        labels.append(_SAID.get(name, name))
        places.append((100 * place[0], 100 * place[1]))
        told.append(f"{name} {100 * place[0]:.0f} expressed and {100 * place[1]:.0f} latent")
    _draw(axes, spots, lambda spot: (100 * spot.expressed, 100 * spot.latent))
    for spot in spots[:_NAMED]:
        name = spot.row.run.mitigation.label
        labels.append(name)
        places.append((100 * spot.expressed, 100 * spot.latent))
        told.append(f"{name} {places[-1][0]:.0f} and {places[-1][1]:.0f}")
    axes.set_xlabel("expressed: what it says by itself [%]")
    axes.set_ylabel("latent: what its body knows [%]")
    axes.margins(0.1, 0.12)
    write_labels(
        figure,
        axes,
        labels,
        places,
        [(100 * one.expressed, 100 * one.latent) for one in spots[_NAMED:]],
    )
    legend(figure, _handles(spots))
    return DescribedFigure(
        figure,
        "What the trait is: expressed against latent, one point per entry",
        f"Means over seeds in %: {'; '.join(told)}.{_unnamed(spots)}",
    )


@drawing()
def what_nobody_reached(spots: Sequence[Spot], plain: Scorecard) -> DescribedFigure | None:
    """Latent trait against the final KL, with plain distillation's path and the blind front.

    Args:
        spots: of the entries.
        plain: plain distillation's scorecard.

    Returns:
        None if its path is not known.
    """
    path = mean_path(plain, LATENT)
    if path is None:
        return None
    figure, axes = empty(TRADEOFF)
    axes.set_xscale("log")
    logarithmic(axes.xaxis)
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    corner = open_corner(path, plain)
    is_open = not any(corner.holds(spot) for spot in spots)
    shown = path.kl <= _WIDEST * max([path.kl[-1] * MARGIN, *(spot.kl for spot in spots)])
    look = series(BASELINE)
    across, up = _MILLI * path.kl[shown], 100 * path.mean[shown]
    axes.plot(across, up, **look.line)
    _draw(axes, spots, lambda spot: (_MILLI * spot.kl, 100 * spot.latent))
    front = blind_front(spots, plain)
    if len(front) > 1:
        axes.plot(
            [_MILLI * one[0] for one in front],
            [100 * one[1] for one in front],
            drawstyle="steps-post",
            **_FRONT,
        )
    end = _MILLI * _mean(plain, "kl_fresh"), 100 * _mean(plain, LATENT)
    dots(axes, look, [end[0]], [end[1]], size=9)
    axes.margins(0.1, 0.12)
    named = spots[:_NAMED]
    low, high = 100 * corner.lowest, 100 * corner.highest
    axes.set_ylim(bottom=min(low - 3, axes.get_ylim()[0]))
    left = axes.get_xlim()[0]
    axes.fill_between(
        [left, _MILLI * corner.most_kl],
        low,
        high,
        color=light("projection"),
        alpha=0.14,
        linewidth=0,
    )
    axes.set_xlim(left=left)
    if is_open:
        axes.annotate(
            "open problem:\nnobody is here",
            (left, low),
            (5, 5),
            textcoords="offset points",
            fontsize=9,
            fontweight="bold",
            va="bottom",
        )
    write_labels(
        figure,
        axes,
        ["plain distillation", *(spot.row.run.mitigation.label for spot in named)],
        [end, *((_MILLI * spot.kl, 100 * spot.latent) for spot in named)],
        [
            *((_MILLI * spot.kl, 100 * spot.latent) for spot in spots[_NAMED:]),
            *zip(across[::3], up[::3], strict=True),
            *_along(front),
        ],
    )
    axes.set_xlabel("final KL on fresh noise [mnat]: further left, better distilled")
    axes.set_ylabel(TRAITS[LATENT][1])
    lines = [
        Line2D([], [], **look.line, label="plain distillation's path"),
        Line2D([], [], **_FRONT, label="front of the blind"),
    ]
    legend(figure, [*lines[: 2 if len(front) > 1 else 1], *_handles(spots)])
    told = "; ".join(
        f"{spot.row.run.mitigation.label} {100 * spot.latent:.0f} % "
        f"at {_MILLI * spot.kl:.2f} mnat"
        for spot in named
    )
    return DescribedFigure(
        figure,
        "What nobody has reached: latent trait against KL"
        if is_open
        else "Latent trait against KL",
        f"Plain distillation ends with {end[1]:.0f} % at {end[0]:.2f} mnat. {told}."
        f"{_unnamed(spots)} The shaded corner, from {low:.0f} to {high:.0f} % at "
        f"{_MILLI * corner.most_kl:.2f} mnat or less, "
        + ("is empty: that is the open problem." if is_open else "is reached."),
    )


@dataclass(frozen=True)
class Corner:
    """Where a student would have distilled as much, and learned less of the trait.

    Attributes:
        most_kl: within which distillation counts as kept.
        lowest: the untrained model's latent trait.
        highest: a tenth of plain distillation's gain below its end.
    """

    most_kl: float
    lowest: float
    highest: float

    def holds(self, spot: Spot) -> bool:
        """Whether a blind entry is there."""
        return spot.is_blind and spot.kl <= self.most_kl and spot.latent <= self.highest


def open_corner(path: MeanPath, plain: Scorecard) -> Corner:
    """The corner below plain distillation's end.

    Args:
        path: plain distillation's.
        plain: its scorecard.
    """
    before, after = float(path.mean[0]), _mean(plain, LATENT)
    return Corner(
        most_kl=MARGIN * _mean(plain, "kl_fresh"),
        lowest=before,
        highest=after - SHARE_MARGIN * (after - before),
    )


def blind_front(spots: Sequence[Spot], plain: Scorecard) -> list[tuple[float, float]]:
    """The KL and latent trait of the blind that no other blind beats in both, by rising KL."""
    points = {
        str(number): (spot.kl, spot.latent)
        for number, spot in enumerate(spots)
        if spot.is_blind
    }
    points[BASELINE] = (_mean(plain, "kl_fresh"), _mean(plain, LATENT))
    return sorted(points[name] for name in statistics.pareto_front(points))


def _along(front: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Places on the front's line, for labels to keep away from."""
    found = []
    for (kl, latent), (beyond, below) in pairwise(front):
        found += [(_MILLI * one, 100 * latent) for one in np.geomspace(kl, beyond, 20)]
        found += [(_MILLI * beyond, 100 * one) for one in np.linspace(latent, below, 8)]
    return found


def _draw(
    axes: Axes, spots: Sequence[Spot], place: Callable[[Spot], tuple[float, float]]
) -> None:
    for _, look in LOOKS.values():
        for verified in (False, True):
            found = [
                place(spot)
                for spot in spots
                if spot.look == look and (not spot.row.hindrance) is verified
            ]
            if found:
                across, up = zip(*found, strict=True)
                dots(axes, look, across, up, hollow=not verified, size=7)


def _handles(spots: Sequence[Spot]) -> list[Line2D]:
    return [
        handle(label, look)
        for label, look in LOOKS.values()
        if any(spot.look == look for spot in spots)
    ]


def _mean(card: Scorecard, metric: str) -> float:
    found = card.summaries(metric)[0].mean
    return float("nan") if found is None else found


def _unnamed(spots: Sequence[Spot]) -> str:
    rest = len(spots) - _NAMED
    return f" {rest} more entries are drawn without their names." if rest > 0 else ""
