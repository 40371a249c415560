"""The paper's figures from our runs, with the published curves if they are available."""

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure

from subliminal_bench.experiment.seed_ranges import describe_seeds, seeds_phrase
from subliminal_bench.reports.curves import Band, Curves, curve_band
from subliminal_bench.reports.figures import PANELS, Panel
from subliminal_bench.reports.reproduction.agreement import Row
from subliminal_bench.reports.style import drawing, light, series
from subliminal_bench.training.first_order import FirstOrderChange

_PANELS = {panel.curve: panel for panel in PANELS}


@dataclass(frozen=True)
class Line:
    """One run's curve in a panel.

    Attributes:
        entry: the entry's name.
        curve: its name in `metrics.CURVES`.
        source: `here` or `published`.
        seeds: that have this curve.
        band: mean and SD over seeds, unscaled.
    """

    entry: str
    curve: str
    source: str
    seeds: tuple[int, ...]
    band: Band


@dataclass(frozen=True)
class PaperFigure:
    """One figure of the paper.

    Attributes:
        name: of its files.
        title: of the figure.
        panels: for each panel, its curve and the entries in it.
    """

    name: str
    title: str
    panels: tuple[tuple[str, tuple[str, ...]], ...]


PAPER_FIGURES = (
    PaperFigure(
        "figure_1",
        "Figure 1: alignment in plain distillation, and the trait without it",
        (("cosine_pre", ("baseline",)), ("test_accuracy", ("baseline", "projection"))),
    ),
    PaperFigure(
        "figure_2a",
        "Figure 2A: trait loss under liminal training",
        (("trait_loss", ("baseline", "liminal")),),
    ),
    PaperFigure(
        "figure_2b",
        "Figure 2B: alignment of the update under liminal training",
        (("cosine_post", ("baseline", "liminal")),),
    ),
)


def lines(
    plate: PaperFigure,
    ours: Mapping[str, Mapping[int, Curves]],
    published: Mapping[str, Mapping[int, Curves]],
    test_every: int,
) -> list[list[Line]]:
    """A figure's lines by panel; entries without curves are left out.

    Args:
        plate: the figure.
        ours: curves by entry and seed.
        published: likewise.
        test_every: steps from one test accuracy to the next.
    """
    found: list[list[Line]] = []
    for curve, entries in plate.panels:
        every = test_every if curve == "test_accuracy" else 1
        made = [
            Line(entry, curve, source, tuple(sorted(kept[entry])), one)
            for entry in entries
            for source, kept in (("here", ours), ("published", published))
            if (one := curve_band(kept.get(entry, {}), curve, every, _PANELS[curve].block))
        ]
        found.append(made)
    return found


@drawing()
def draw(plate: PaperFigure, panels: list[list[Line]]) -> Figure:
    """Draw mean and a band of one SD for our runs, and a thin line for the published ones."""
    figure = Figure(figsize=(4.8 * len(panels), 3.4), facecolor=light("paper"))
    for place, made in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), place)
        panel = _PANELS[plate.panels[place - 1][0]]
        for line in made:
            look, mean = series(line.entry), line.band.mean * panel.scale
            label = f"{line.entry}, {line.source}, {seeds_phrase(line.seeds)}"
            if line.source == "here":
                sd = line.band.sd * panel.scale
                axes.fill_between(
                    line.band.steps,
                    mean - sd,
                    mean + sd,
                    color=light(look.colour),
                    alpha=0.16,
                    linewidth=0,
                )
                axes.plot(line.band.steps, mean, label=label, **look.line)
            else:
                axes.plot(
                    line.band.steps, mean, label=label, color=light(look.colour), linewidth=0.7
                )
        axes.set_xlabel("student's step")
        axes.set_ylabel(panel.axis)
        axes.legend(fontsize=7, frameon=False)
    figure.suptitle(plate.title, fontsize=10)
    return figure


def line_rows(panels: list[list[Line]]) -> list[Row]:
    """The numbers behind a figure, unscaled: one row per line and point."""
    return [
        {
            "curve": line.curve,
            "entry": line.entry,
            "source": line.source,
            "seeds": describe_seeds(line.seeds),
            "step": float(step),
            "mean": float(mean),
            "sd": float(sd),
        }
        for made in panels
        for line in made
        for step, mean, sd in zip(line.band.steps, line.band.mean, line.band.sd, strict=True)
    ]


def axis_of(curve: str) -> Panel:
    """How a curve is drawn."""
    return _PANELS[curve]


@drawing()
def draw_first_order(measured: list[FirstOrderChange]) -> Figure:
    """Draw the measured ratios over the curve that Appendix B predicts."""
    figure = Figure(figsize=(4.6, 3.4), facecolor=light("paper"))
    axes = figure.add_subplot()
    ordered = sorted(measured, key=lambda one: one.angle)
    axes.plot(
        [one.angle for one in ordered],
        [one.expected for one in ordered],
        color=light("faint"),
        linewidth=1,
        label="sin² of the angle",
    )
    for when, marker in (("untrained", "o"), ("trained", "^")):
        some = [one for one in ordered if one.when == when]
        axes.plot(
            [one.angle for one in some],
            [one.ratio for one in some],
            linestyle="none",
            marker=marker,
            markersize=5,
            markerfacecolor="none",
            markeredgecolor=light("projection" if when == "trained" else "entry"),
            label=f"measured, {when}",
        )
    axes.set_xlabel("angle between gradient and projected direction [degrees]")
    axes.set_ylabel("change of the loss, with / without projection")
    axes.legend(fontsize=7, frameon=False)
    return figure
