"""The figures, each with a description in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.mitigation.builtin import BASELINE, REFERENCES
from subliminal_bench.reports.curves import Band
from subliminal_bench.reports.drawings import (
    HALF,
    TRADEOFF,
    WHOLE,
    DescribedFigure,
    dots,
    empty,
    logarithmic,
)
from subliminal_bench.reports.style import drawing, light, series
from subliminal_bench.reports.tradeoff import Point, Tradeoff
from subliminal_bench.scoring.scorecard import Scorecard
from subliminal_bench.scoring.statistics import MARGIN

_POINTS = METRICS["trait_accuracy"]
_TICKS = (-50, -20, -10, -5, 0, 5, 10, 20, 50, 100, 1_000, 10_000, 100_000)
# From a data point to the middle of its number, in typographic points.
_OFFSETS = 10 * np.array(
    [(0.8, 0.6), (1, 0), (0.8, -0.6), (0, 1), (0, -1), (-0.8, 0.6), (-1, 0), (-0.8, -0.6)]
)


@dataclass(frozen=True)
class Panel:
    """How one curve is drawn.

    Attributes:
        curve: its name in `metrics.CURVES`.
        title: of the drawing.
        axis: label of its axis, with the unit.
        scale: factor from the stored number to that unit.
        logarithmic: whether the axis is logarithmic.
        decimals: of the numbers in the description.
        block: number of steps of a seed that are averaged into one point.
    """

    curve: str
    title: str
    axis: str
    scale: float
    logarithmic: bool = False
    decimals: int = 2
    block: int = 1


# The cosine of one step shows little: most of a batch's gradient is specific to the batch.
_BLOCK = 10

PANELS = (
    Panel("distill_loss", "Distillation KL", "KL on the batch [mnat]", 1e3, True),
    Panel("trait_loss", "Trait loss", "cross-entropy on the audit set [nats]", 1, True),
    Panel(
        "cosine_pre", "Cosine before the mitigation", "cosine, pre [1e-3]", 1e3, block=_BLOCK
    ),
    Panel(
        "cosine_post", "Cosine after the mitigation", "cosine, post [1e-3]", 1e3, block=_BLOCK
    ),
    Panel("test_accuracy", "Test accuracy", "test accuracy [%]", 100, decimals=1),
)


@drawing()
def curve(panel: Panel, bands: Mapping[str, Band]) -> DescribedFigure:
    """One curve of all runs over the steps: the mean, and a band of one SD on each side."""
    figure, axes = empty(HALF)
    if panel.logarithmic:
        axes.set_yscale("log")
        logarithmic(axes.yaxis)
    lowest = min(float(band.mean.min()) for band in bands.values()) * panel.scale
    # The scored run comes first in the description and is drawn last, on top.
    for name, band in reversed(list(bands.items())):
        look = series(name)
        mean, sd = band.mean * panel.scale, band.sd * panel.scale
        # A logarithmic axis cannot show a lower end of the band below zero.
        low = np.maximum(mean - sd, lowest / 2) if panel.logarithmic else mean - sd
        axes.fill_between(
            band.steps, low, mean + sd, color=light(look.colour), alpha=0.16, linewidth=0
        )
        axes.plot(band.steps, mean, **look.line)
    axes.set_xlabel("student's step")
    axes.set_ylabel(panel.axis)
    axes.margins(x=0.01)

    def shown(value: float) -> str:
        return f"{value * panel.scale:.{panel.decimals}f}"

    told = [
        f"{name} from {shown(float(band.mean[0]))} to {shown(float(band.mean[-1]))} "
        f"(SD {shown(float(band.sd[-1]))}, {band.seeds} seeds)"
        for name, band in bands.items()
    ]
    return DescribedFigure(
        figure,
        f"{panel.title} over training",
        f"{panel.axis}, mean over seeds, from the first point to the last: {'; '.join(told)}.",
    )


@drawing()
def pairs(card: Scorecard) -> DescribedFigure:
    """Every seed's trait accuracy beside the baseline's of the same seed."""
    name = card.names[0]
    ours, base = (
        100 * one.trait_accuracy for one in (card.columns[0], card.columns_of(BASELINE))
    )
    order = np.argsort(base, kind="stable")
    places = np.arange(len(order))
    figure, axes = empty(WHOLE)
    axes.vlines(places, ours[order], base[order], color=light("faint"), linewidth=0.8)
    for label, values in ((name, ours), ("baseline", base)):
        dots(axes, label, places, values[order], hollow=label == "baseline")
    every = -(-len(places) // 30)
    axes.set_xticks(places[::every], [str(card.seeds[place]) for place in order[::every]])
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("seed, in the order of its baseline's accuracy")
    axes.set_ylabel("trait accuracy [%]")
    lower = int((ours < base).sum())
    gaps = ours - base
    return DescribedFigure(
        figure,
        f"Trait accuracy of every seed: {name} and its baseline",
        f"{name} has less trait than the baseline of the same seed on {lower} of "
        f"{len(gaps)} seeds; the differences run from {gaps.min():+.1f} to "
        f"{gaps.max():+.1f} points.",
    )


@drawing()
def differences(card: Scorecard) -> DescribedFigure:
    """Paired differences against each reference, with mean and interval."""
    figure, axes = empty((HALF[0], 0.8 + 0.7 * len(card.comparisons)))
    axes.axvline(0, color=light("faint"), linewidth=1)
    told, labels = [], []
    for place, one in enumerate(card.comparisons):
        reference = card.columns_of(one.reference)
        gaps = 100 * (card.columns[0].trait_accuracy - reference.trait_accuracy)
        # Spread out in the order of the seeds, so that equal differences do not overlap.
        spread = np.linspace(0.32, 0.08, len(gaps)) if len(gaps) > 1 else np.array([0.2])
        dots(axes, one.reference, gaps, place - spread)
        trait = one.trait
        low, high = (trait.mean if end is None else end for end in (trait.low, trait.high))
        axes.plot([100 * low, 100 * high], [place + 0.2] * 2, color=light("ink"), linewidth=2)
        axes.plot([100 * trait.mean], [place + 0.2], "|", color=light("ink"), markersize=11)
        labels.append(f"against\n{one.reference}")
        told.append(
            f"against {one.reference} {_POINTS.show(trait.mean, signed=True)} on average"
            f"{', told apart' if one.resolved else ', not told apart'}"
        )
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"trait accuracy, {card.names[0]} minus reference [points]")
    return DescribedFigure(
        figure,
        f"Paired differences of {card.names[0]}, seed by seed",
        f"Trait accuracy in points: {'; '.join(told)}.",
    )


@drawing()
def tradeoff(found: Tradeoff) -> DescribedFigure:
    """Prevention against KL of all entries; the numbers refer to the table below the figure."""
    figure, axes = empty(TRADEOFF)
    # Linear around the margin, logarithmic for students that hardly learned.
    axes.set_xscale("symlog", linthresh=20, linscale=1.5)
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for points in found.fronts:
        axes.plot(
            [_above(point) for point in points],
            [100 * point.prevention for point in points],
            drawstyle="steps-post",
            color=light("faint"),
            linewidth=1,
            linestyle=(0, (3, 2)),
        )
    axes.axvline(100 * (MARGIN - 1), color=light("faint"), linewidth=1, linestyle=(0, (1, 2)))
    axes.axhline(0, color=light("faint"), linewidth=0.8)
    for point in found.points:
        _entry_point(axes, point)
    axes.margins(0.08, 0.1)
    _number(axes, found.points)
    axes.set_xlabel("final KL, above the baseline's [%], logarithmic beyond 20")
    axes.set_ylabel("prevention at the same KL [%]")
    best = [point.label for points in found.fronts for point in points]
    return DescribedFigure(
        figure,
        "Prevention against distillation",
        f"{len(found.points)} entries; higher prevents more, further left distils better. On "
        f"the Pareto front: {', '.join(best) or 'none'}. The table below has every point's "
        "numbers.",
    )


def _entry_point(axes: Axes, point: Point) -> None:
    """Draw an entry; a square is an oracle."""
    known = point.scored or point.label in REFERENCES
    colour = light(series(point.card.names[0]).colour if known else "faint")
    axes.plot(
        [_above(point)],
        [100 * point.prevention],
        marker="s" if point.is_oracle else "o",
        markersize=9 if point.scored else 7,
        color=colour,
        linestyle="none",
    )


def _above(point: Point) -> float:
    """How far the KL is above the baseline's, in percent."""
    return 100 * (point.ratio - 1)


def _number(axes: Axes, points: Sequence[Point]) -> None:
    """Write each point's number at the place furthest from other points and numbers."""
    if not points:
        return
    places = np.array([(_above(point), 100 * point.prevention) for point in points])
    axes.autoscale_view()
    # The approximate size of the axes in points: labels take the rest of the drawing.
    size = 0.8 * 72 * np.array(TRADEOFF)
    onto = axes.transScale + axes.transLimits
    spots = onto.transform(places) * size
    taken = list(spots)
    for point, place, spot in zip(points, places, spots, strict=True):
        others = np.array([one for one in taken if one is not spot])
        free = [min(np.hypot(*(others - spot - offset).T), default=0.0) for offset in _OFFSETS]
        offset = _OFFSETS[int(np.argmax(free))]
        taken.append(spot + offset)
        axes.annotate(
            str(point.number),
            tuple(place),
            tuple(offset),
            textcoords="offset points",
            ha="center",
            va="center",
            fontweight="bold" if point.scored else "normal",
        )
