"""Figures of plain distillation's path on several tracks: is it one curve?"""

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from subliminal_bench.reports.drawings import WHOLE, DescribedFigure, empty, logarithmic
from subliminal_bench.reports.style import Series, drawing, light
from subliminal_bench.reports.svg import svg_document
from subliminal_bench.reports.tables import Table
from subliminal_bench.scoring.path_shapes import WAY, PathShape, at_the_same_kl, on_the_way

Against = Literal["kl", "way"]
AGAINST: tuple[Against, ...] = ("kl", "way")

# One look per track: no two of a dozen have the same colour and dashes.
_COLOURS = ("baseline", "entry", "liminal", "projection")
_DASHES = ((), (5, 2), (1, 1.5))
_COLUMNS = 3
_MILLI = 1e3
_KL_AXIS = "KL on fresh noise [mnat]"
_SHARE_AXIS = "latent gain [% of the end's]"
# Shares further out are of tracks with hardly any gain; they would press the others together.
_SHARES = (-15.0, 120.0)


@drawing()
def side_by_side(shapes: Sequence[PathShape]) -> DescribedFigure:
    """The latent trait against the KL, a panel per track, each before the others' curves."""
    rows = -(-len(shapes) // _COLUMNS)
    figure = Figure(figsize=(WHOLE[0], 0.6 + 1.5 * rows))
    grid = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
    for axes, shape in zip(grid.flat, shapes, strict=False):
        for other in shapes:
            axes.plot(*_latent(other), color=light("rule"), linewidth=0.8)
        kl, latent = _latent(shape)
        colour = light(look(shapes.index(shape)).colour)
        axes.fill_between(
            kl,
            latent - 100 * shape.spread,
            latent + 100 * shape.spread,
            color=colour,
            alpha=0.16,
            linewidth=0,
        )
        axes.plot(kl, latent, color=colour, linewidth=1.6)
        axes.plot(
            [_MILLI * shape.half_kl],
            [100 * (shape.start + shape.ended / 2)],
            "o",
            color=colour,
            markersize=5,
        )
        axes.set_title(shape.track, fontsize=9)
        axes.grid(visible=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(shapes):
            axes.set_visible(False)
    _kl_axis(grid[0, 0])
    _name_ends(grid, len(shapes))
    told = "; ".join(
        f"{shape.track} from {100 * shape.start:.1f} % at {_MILLI * shape.kl[0]:.2f} mnat to "
        f"{100 * (shape.start + shape.ended):.1f} % at {_MILLI * shape.kl[-1]:.2f} mnat, half "
        f"of it at {_MILLI * shape.half_kl:.2f} mnat"
        for shape in shapes
    )
    return DescribedFigure(
        figure,
        "The latent trait on plain distillation's way, track by track",
        f"Mean over seeds: {told}.",
    )


@drawing()
def in_one(shapes: Sequence[PathShape], against: Against) -> DescribedFigure:
    """All tracks in one panel: the gain as a share of plain distillation's end.

    Args:
        shapes: one per track.
        against: `kl`, or `way`: how far the logarithm of the KL has come from start to end.
    """
    figure, axes = empty((4.4, 3.0 + 0.2 * (-(-len(shapes) // 2))))
    for place, shape in enumerate(shapes):
        across = _MILLI * shape.kl if against == "kl" else 100 * WAY
        axes.plot(across, 100 * shape.share, label=shape.track, **look(place).line)
    axes.axhline(50, color=light("faint"), linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set_ylim(
        max(_SHARES[0], min(-5.0, *(100 * float(one.share.min()) for one in shapes))),
        min(_SHARES[1], max(105.0, *(100 * float(one.share.max()) for one in shapes))),
    )
    axes.set_ylabel(_SHARE_AXIS)
    if against == "kl":
        _kl_axis(axes)
        axes.set_xlabel(_KL_AXIS)
        found, what = at_the_same_kl(shapes), "at the same KL"
    else:
        axes.set_xlabel("way from start to end, in the logarithm of the KL [%]")
        found, what = on_the_way(shapes), "where they have come equally far"
    axes.margins(x=0.02)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=8)
    apart = (
        f"{100 * found.every:.1f} points from their mean, root mean square"
        if found
        else "nowhere to be compared"
    )
    return DescribedFigure(
        figure,
        f"The share of the latent gain {'against the KL' if against == 'kl' else 'on the way'}",
        f"{len(shapes)} tracks, {what}: {apart}.",
    )


def numbers(shapes: Sequence[PathShape]) -> Table:
    """A row per track: where half of the gain is there, and how far from the common curve."""
    on_way, at_kl = on_the_way(shapes), at_the_same_kl(shapes)
    every = "all"
    rows = [
        [
            shape.track,
            str(shape.seeds),
            f"{100 * shape.start:.1f} to {100 * (shape.start + shape.ended):.1f}",
            f"{_MILLI * shape.kl[0]:.2f} to {_MILLI * shape.kl[-1]:.2f}",
            f"{_MILLI * shape.half_kl:.2f}",
            f"{100 * shape.half:.0f}",
            f"{100 * on_way.of[shape.track]:.1f}" if on_way else "—",
            f"{100 * at_kl.of[shape.track]:.1f}" if at_kl else "—",
            f"{100 * shape.seed_spread:.1f}" if shape.seeds > 1 else "—",
        ]
        for shape in shapes
    ]
    if on_way:
        last = f"{100 * at_kl.every:.1f}" if at_kl else "—"
        rows.append([every, *["—"] * 5, f"{100 * on_way.every:.1f}", last, "—"])
    return Table(
        [
            "track",
            "seeds",
            "latent trait [%]",
            "KL [mnat]",
            "half, KL [mnat]",
            "half, way [%]",
            "apart, way",
            "apart, KL",
            "seeds' SD",
        ],
        rows,
    )


def path_shape_files(shapes: Sequence[PathShape]) -> dict[str, bytes]:
    """The figures as separate SVG files and the numbers behind them, by file name.

    The same shapes give the same bytes.
    """
    drawn = {
        "path_shapes": side_by_side(shapes),
        "path_shapes_kl": in_one(shapes, "kl"),
        "path_shapes_way": in_one(shapes, "way"),
    }
    files = {}
    for name, one in drawn.items():
        # A page shows it on whatever ground it has.
        one.figure.set_facecolor(light("paper"))
        files[f"{name}.svg"] = svg_document(one.figure, one.title).encode()
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["track", "seeds", "way", "kl_fresh", "latent", "gain", "share", "sd"])
    for shape in shapes:
        for place, way in enumerate(WAY):
            values = (
                way,
                shape.kl[place],
                shape.start + shape.gain[place],
                shape.gain[place],
                shape.share[place],
                shape.spread[place],
            )
            writer.writerow([shape.track, shape.seeds, *(f"{value:.6g}" for value in values)])
    return {**files, "path_shapes.csv": buffer.getvalue().encode()}


def _latent(shape: PathShape) -> tuple[Any, Any]:
    return _MILLI * shape.kl, 100 * (shape.start + shape.gain)


def look(place: int) -> Series:
    """The look of the track at that place.

    >>> look(0) == look(1), look(0).colour == look(4).colour
    (False, True)
    """
    row, column = divmod(place, len(_COLOURS))
    return Series(_COLOURS[column], _DASHES[row % len(_DASHES)], "o", 1.6)


def _kl_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    logarithmic(axes.xaxis)


def _name_ends(grid: np.ndarray[Any, Any], count: int) -> None:
    """Name the outer axes of a grid of which so many panels are used."""
    for place, axes in enumerate(grid.flat):
        if place >= count:
            break
        # The last panel of its column, though the grid has another row.
        if place + _COLUMNS >= count:
            axes.set_xlabel(_KL_AXIS)
            axes.tick_params(labelbottom=True)
        if place % _COLUMNS == 0:
            axes.set_ylabel("latent trait [%]")
