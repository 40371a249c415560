"""Figures of one mitigation on several tracks."""

from math import log
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullLocator

from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.reports import short
from subliminal_bench.reports.drawings import TRADEOFF, WHOLE, DescribedFigure, dots, empty
from subliminal_bench.reports.robust import skills
from subliminal_bench.reports.style import Series, drawing, light, series
from subliminal_bench.scoring.robust import RobustScorecard, TrackRow
from subliminal_bench.scoring.statistics import MARGIN
from subliminal_bench.scoring.words import VerdictWord

# Beyond these, in per cent, an interval's end is an arrow at the edge.
_LOWEST, _HIGHEST = -50.0, 105.0
_ROW = 0.42
_LINE_LENGTH = 19
# How far above the best entry the profile is drawn; points of the share.
_TOLERANCES = tuple(point / 100 for point in range(101))
_ABOVE = (1.2, 1.5, *(first * 10.0**power for power in range(6) for first in (2, 5, 10)))
_BELOW = (0.9, 0.7, *(first / 10.0**power for power in range(1, 6) for first in (5, 2, 1)))
_UNTOLD = {VerdictWord.TOO_FEW, VerdictWord.NOT_READ}
_LINE: dict[str, Any] = {"linewidth": 2.0, "color": light("ink")}
_BASE = Series("faint", (), "|")
_MARK: dict[str, Any] = {"linewidth": 1, "linestyle": (0, (1, 2)), "color": light("faint")}


@drawing()
def tracks(robust: RobustScorecard) -> DescribedFigure | None:
    """A row per track: prevention with its interval, KL, skill, and the verdict's word.

    Returns:
        None if it was not run on any track.
    """
    if not any(row.card for row in robust.rows):
        return None
    rows = robust.rows
    size = (WHOLE[0], 0.8 + _ROW * len(rows))
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.08))
    grid = figure.add_gridspec(1, 4, width_ratios=(3, 1.4, 1.1, 1.4))
    first = figure.add_subplot(grid[0])
    prevented, distilled, kept, said = (
        first,
        *(figure.add_subplot(grid[place], sharey=first) for place in (1, 2, 3)),
    )
    for place, row in enumerate(rows):
        _prevention(prevented, place, row)
        _distillation(distilled, place, row)
        _skill(kept, place, row)
        said.text(0, place, fill(_word(row), _LINE_LENGTH), va="center", fontsize=8)
    prevented.axvline(0, color=light("faint"), linewidth=0.8)
    prevented.set_xlim(_LOWEST, _HIGHEST)
    prevented.set_xlabel("prevention [%]")
    distilled.axvline(1, color=light("faint"), linewidth=0.8)
    distilled.axvline(MARGIN, **_MARK)
    distilled.set_xscale("log")
    distilled.set_xlabel("final KL ratio")
    low, high = distilled.get_xlim()
    low, high = min(low, 0.8), max(high, 1.3)
    distilled.set_xlim(low, high)
    # Two or three numbers, however wide the range is.
    distilled.set_xticks(_ticks(low, high))
    distilled.xaxis.set_minor_locator(NullLocator())
    distilled.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    kept.set_xlim(0, 105)
    kept.set_xticks((0, 50, 100))
    kept.set_xlabel("skill [%]")
    said.set_axis_off()
    first.set_yticks(range(len(rows)), [row.track for row in rows])
    first.set_ylim(len(rows) - 0.5, -0.5)
    for axes in (distilled, kept):
        axes.tick_params(labelleft=False, length=0, axis="y")
    return DescribedFigure(
        figure,
        f"{robust.name} on {len(rows)} tracks",
        f"{'. '.join(_told(row) for row in rows)}.",
    )


@drawing()
def profile(robust: RobustScorecard) -> DescribedFigure | None:
    """The performance profile of the mitigation and of the other entries, as step curves.

    Returns:
        None if no other entry was run on the same tracks; or if it has too few seeds on one,
        which is no fault of the mitigation.
    """
    found = robust.profiles(_TOLERANCES)
    words = {row.card.verdict.word for row in robust.rows if row.card and row.card.verdict}
    if len(found) < 2 or words & _UNTOLD:
        return None
    figure, axes = empty(TRADEOFF)
    across = 100 * np.array(_TOLERANCES)
    unnamed = 0
    # The scored one is drawn last, on top.
    for name, shares in sorted(found.items(), key=lambda one: one[0] == robust.name):
        is_known = name == robust.name or name in REFERENCES
        look = series(name).line if is_known else {"color": light("faint"), "linewidth": 0.8}
        label = name if is_known else "other entries"
        unnamed += not is_known
        axes.plot(
            across,
            100 * np.array(shares),
            drawstyle="steps-post",
            label=label if is_known or unnamed == 1 else None,
            **look,
        )
    axes.set_xlabel("points above the best entry's share, at most")
    axes.set_ylabel("tracks [%]")
    axes.set_ylim(-3, 103)
    axes.margins(x=0.01)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    told = "; ".join(
        f"{name} {100 * shares[0]:.0f} % and {100 * shares[10]:.0f} %"
        for name, shares in found.items()
    )
    ran = sum(row.card is not None for row in robust.rows)
    return DescribedFigure(
        figure,
        f"Performance profile of {robust.name}",
        f"Of {ran} tracks, the share on which an entry is the best, and is within 10 points of "
        f"the best: {told}.",
    )


def _prevention(axes: Axes, place: int, row: TrackRow) -> None:
    found = row.card.prevention if row.card else None
    if found is None:
        return
    low, high = (
        float(np.clip(100 * end, _LOWEST, _HIGHEST)) for end in (found.low, found.high)
    )
    axes.plot([low, high], [place, place], solid_capstyle="butt", **_LINE)
    for end, marker, is_cut in (
        (low, "<", 100 * found.low < _LOWEST),
        (high, ">", 100 * found.high > _HIGHEST),
    ):
        if is_cut:
            axes.plot([end], [place], marker, markersize=6, color=light("ink"), clip_on=False)
    middle = float(np.clip(100 * found.estimate, _LOWEST, _HIGHEST))
    dots(axes, "entry", [middle], [place], size=8)


def _distillation(axes: Axes, place: int, row: TrackRow) -> None:
    kept = row.card.distillation if row.card else None
    if kept is None:
        return
    if kept.low is not None and kept.high is not None:
        axes.plot([kept.low, kept.high], [place, place], solid_capstyle="butt", **_LINE)
    dots(axes, "entry", [kept.ratio], [place], size=6)


def _skill(axes: Axes, place: int, row: TrackRow) -> None:
    found = skills(row.card) if row.card else None
    if found is None:
        return
    own, base = found
    dots(axes, _BASE, [100 * base], [place], size=13)
    dots(axes, "entry", [100 * own], [place], size=6)


def _ticks(low: float, high: float) -> list[float]:
    """Ratios to write at an axis: 1, and the largest round one on each side.

    >>> _ticks(0.8, 1.3), _ticks(0.1, 30)
    ([0.9, 1.0, 1.2], [0.2, 1.0, 20.0])
    """
    # Nearer ones would be written over each other.
    near = 0.2 * log(high / low)
    above = [one for one in _ABOVE if one < high and log(one) > near][-1:]
    below = [one for one in _BELOW if one > low and log(1 / one) > near][-1:]
    return [*below, 1.0, *above]


def _word(row: TrackRow) -> str:
    if row.card is None:
        return "missing"
    return row.card.verdict.text if row.card.verdict else "reference"


def _told(row: TrackRow) -> str:
    """A row in words."""
    if row.card is None:
        return f"{row.track}: missing"
    found, kept = row.card.prevention, row.card.distillation
    parts = [f"{row.track}: {_word(row)}"]
    if found:
        parts.append(f"prevention {short.percent(found.estimate)} ({short.interval(found)})")
    if kept:
        parts.append(f"KL ratio {kept.ratio:.2f}")
    skill = skills(row.card)
    if skill:
        parts.append(f"skill {100 * skill[0]:.1f} % of the base's {100 * skill[1]:.1f} %")
    return ", ".join(parts)
