"""Names beside the points of a drawing, where they hide as little as possible."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

# In typographic points: of a label's text, and from a point to it.
_SIZE, _GAP = 8, 7
# Mean width of a letter to the size of the text.
_LETTER = 0.55
_LONGEST = 22
_Box = NDArray[np.float64]


def write_labels(
    figure: Figure,
    axes: Axes,
    labels: Sequence[str],
    places: Sequence[tuple[float, float]],
    others: Sequence[tuple[float, float]] = (),
) -> None:
    """Write a label beside each place, in their order.

    Args:
        figure: that the axes are in.
        axes: drawn on already; its limits are fixed from now on.
        labels: a long one is cut.
        places: of the labelled points.
        others: points without a label, which should stay visible.
    """
    if not labels:
        return
    axes.autoscale_view()
    axes.set_xlim(axes.get_xlim())
    axes.set_ylim(axes.get_ylim())
    figure.draw_without_rendering()
    scale = 72 / figure.dpi
    inside = np.array(axes.get_window_extent().extents) * scale
    dots = axes.transData.transform([*places, *others]) * scale
    taken = np.hstack([dots - 4, dots + 4])
    for text, place, dot in zip(labels, places, dots[: len(places)], strict=True):
        shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        width = _LETTER * _SIZE * len(shown)
        options = [
            (_hidden(box, taken, inside), rank, box, how)
            for rank, (box, how) in enumerate(_around_it(dot, width))
        ]
        _, _, box, (offset, across, up) = min(options, key=lambda one: one[:2])
        taken = np.vstack([taken, box])
        axes.annotate(
            shown, place, offset, textcoords="offset points", fontsize=_SIZE, ha=across, va=up
        )


def _around_it(
    dot: _Box, width: float
) -> Iterator[tuple[_Box, tuple[tuple[float, float], str, str]]]:
    """Boxes for a text beside a point, the usual place first, and how it is aligned there."""
    for up, across in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)):
        # Diagonally, the text begins above or below the point itself.
        step = _GAP if across == 0 or up == 0 else 0.4 * _GAP
        x, y = dot[0] + across * step, dot[1] + up * _GAP * (1.3 if across else 1)
        left = {1: x, 0: x - width / 2, -1: x - width}[across]
        low = {1: y, 0: y - _SIZE / 2, -1: y - _SIZE}[up]
        box = np.array([left, low, left + width, low + _SIZE])
        how = (
            (x - dot[0], y - dot[1]),
            {1: "left", 0: "center", -1: "right"}[across],
            {1: "bottom", 0: "center", -1: "top"}[up],
        )
        yield box, how


def _hidden(box: _Box, taken: _Box, inside: _Box) -> float:
    """How much a box hides, and how much of it would be outside of the axes."""
    hidden = _common(box, taken).sum()
    outside = (box[2] - box[0]) * (box[3] - box[1]) - _common(box, inside[np.newaxis]).sum()
    return round(float(hidden + 10 * outside), 3)


def _common(box: _Box, others: _Box) -> _Box:
    """The areas that a box has in common with others."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return np.asarray(np.maximum(sides, 0).prod(1))
