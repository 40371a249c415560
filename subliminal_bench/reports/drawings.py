"""What the figures have in common: their sizes, axes and points."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike

from subliminal_bench.reports.style import Series, light, series

# In inches; as wide as a phone's screen, and as a figure that scrolls on it.
HALF, TRADEOFF, WHOLE = (4.4, 2.9), (4.4, 3.4), (6.4, 3.4)


@dataclass(frozen=True)
class DescribedFigure:
    """A figure with its title and a description of what it shows."""

    figure: Figure
    title: str
    description: str


def empty(size: tuple[float, float]) -> tuple[Figure, Axes]:
    """A figure with one pair of axes."""
    figure = Figure(figsize=size)
    return figure, figure.add_subplot()


def logarithmic(axis: Axis) -> None:
    """Give an axis with a logarithmic scale plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def dots(
    axes: Axes,
    name: str | Series,
    across: ArrayLike,
    up: ArrayLike,
    *,
    hollow: bool = False,
    size: float = 5,
) -> None:
    """Draw points in the look of a run.

    Args:
        axes: to draw on.
        name: of the run, or a look.
        across: the points' horizontal places.
        up: their vertical places.
        hollow: whether they are filled with the colour of the paper.
        size: of a point, in typographic points.
    """
    look = series(name) if isinstance(name, str) else name
    colour = light(look.colour)
    axes.plot(
        across,
        up,
        linestyle="none",
        marker=look.marker,
        markersize=size,
        markerfacecolor=light("paper") if hollow else colour,
        markeredgecolor=colour,
        markeredgewidth=1,
    )


def handle(label: str, look: Series, hollow: bool = False) -> Line2D:
    """A legend's line for points of a look."""
    colour = light(look.colour)
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=look.marker,
        markersize=5,
        markerfacecolor=light("paper") if hollow else colour,
        markeredgecolor=colour,
        label=label,
    )


def legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Write a legend above the axes, which hides no point."""
    figure.legend(
        handles=list(handles),
        loc="outside upper left",
        ncols=2,
        frameon=False,
        fontsize=9,
        handletextpad=0.3,
        columnspacing=1.2,
    )
