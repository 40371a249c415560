"""Figures of the trait itself: expressed against latent, and each against the KL."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from subliminal_bench.experiment.metrics import PATH_READINGS
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.reports.drawings import (
    TRADEOFF,
    DescribedFigure,
    dots,
    empty,
    handle,
    legend,
    logarithmic,
)
from subliminal_bench.reports.style import TEACHER, UNTRAINED, Series, drawing, light, series
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.scorecard import Scorecard

_Values = NDArray[np.float64]

# What is drawn of each of the two traits: its title and its axis.
TRAITS = {
    LATENT: ("Latent trait", "latent trait [%]"),
    EXPRESSED: ("Expressed trait", "expressed trait [%]"),
}
_MILLI = 1e3
_CEILING: dict[str, Any] = {
    "color": light("faint"),
    "linewidth": 1,
    "linestyle": (0, (3, 2)),
}
# Points of plain distillation's mean path.
_PATH_POINTS = 60
# How far the path is drawn beyond the student that distilled least, as a factor of its KL.
_WIDEST = 2.5


@drawing()
def every_seed(card: Scorecard) -> DescribedFigure | None:
    """Expressed against latent trait of every student, beside models that were not mitigated.

    Returns:
        None if the entry was not read in the body.
    """
    ours = card.columns[0]
    if not ours.is_read:
        return None
    figure, axes = empty(TRADEOFF)
    groups = _groups(card)
    for group in groups:
        dots(axes, group.look, 100 * group.across, 100 * group.up, hollow=group.hollow, size=5)
    ceiling = 100 * ours.mean("ceiling_accuracy")
    axes.axvline(ceiling, **_CEILING)
    handles = [handle(group.label, group.look, group.hollow) for group in groups]
    handles.append(Line2D([], [], **_CEILING, label="ceiling"))
    legend(figure, handles)
    axes.margins(0.06)
    axes.set_xlabel(TRAITS[EXPRESSED][1])
    axes.set_ylabel(TRAITS[LATENT][1])
    told = "; ".join(
        f"{group.label} {100 * group.across.mean():.1f} expressed and "
        f"{100 * group.up.mean():.1f} latent"
        for group in groups
    )
    return DescribedFigure(
        figure,
        f"Expressed and latent trait of every seed of {card.names[0]}",
        f"Means in %: {told}. Ceiling: {ceiling:.1f} expressed. {_lost(card)}".strip(),
    )


@drawing()
def against_kl(card: Scorecard, name: str) -> DescribedFigure | None:
    """A trait of every student against its final KL, with plain distillation's path.

    Args:
        card: of an entry.
        name: of the reading, one of `TRAITS`.

    Returns:
        None if the baseline's path is not known.
    """
    path = mean_path(card, name)
    if path is None:
        return None
    title, label = TRAITS[name]
    figure, axes = empty(TRADEOFF)
    axes.set_xscale("log")
    logarithmic(axes.xaxis)
    look = series(BASELINE)
    # The path's beginning, where no student is, would press the students together.
    kls = [one.sound("kl_fresh") for one in card.columns if one.is_read]
    shown = path.kl <= _WIDEST * max(
        float(one.max()) for one in [*kls, path.kl[-1:]] if one.size
    )
    across, mean, sd = (
        scale * values[shown]
        for scale, values in ((_MILLI, path.kl), (100, path.mean), (100, path.sd))
    )
    axes.fill_between(
        across, mean - sd, mean + sd, color=light(look.colour), alpha=0.16, linewidth=0
    )
    axes.plot(across, mean, **look.line)
    told: list[str] = []
    handles = [Line2D([], [], **look.line, label="plain distillation's path")]
    # The scored run is drawn last, on top.
    for one in reversed([one for one in card.columns if one.is_read]):
        seen = _sound(one.values["kl_fresh"], one.values[name])
        if not seen[0].size:
            continue
        dots(axes, one.name, _MILLI * seen[0], 100 * seen[1], hollow=True, size=3.5)
        centre = float(np.exp(np.log(seen[0]).mean())), float(seen[1].mean())
        dots(axes, one.name, [_MILLI * centre[0]], [100 * centre[1]], size=9)
        told.insert(0, f"{one.name} {100 * centre[1]:.1f} % at {_MILLI * centre[0]:.2f} mnat")
        handles.insert(0, handle(one.name, series(one.name), hollow=False))
    legend(figure, handles)
    axes.set_xlabel("final KL on fresh noise [mnat]")
    axes.set_ylabel(label)
    axes.margins(0.03, 0.06)
    return DescribedFigure(
        figure,
        f"{title} against KL",
        f"Plain distillation goes from {100 * path.mean[0]:.1f} % at "
        f"{_MILLI * path.kl[0]:.2f} mnat to {mean[-1]:.1f} % at {across[-1]:.2f} mnat, mean "
        f"over {path.seeds} seeds. Means of "
        f"the students: {'; '.join(told)}. {_lost(card)}".strip(),
    )


@dataclass(frozen=True, eq=False)
class _Group:
    """Models of one kind, a point each."""

    label: str
    look: Series
    across: _Values
    up: _Values
    hollow: bool = False


def _groups(card: Scorecard) -> list[_Group]:
    """Untrained models, teachers, plain distillation's ends and the entry's students."""
    ours = card.columns[0]
    found = [
        _Group(
            card.entry.start,
            UNTRAINED,
            ours.values["initial_accuracy"],
            ours.values[f"{LATENT}_initial"],
        ),
        _Group(
            "teachers",
            TEACHER,
            ours.values["teacher_accuracy"],
            ours.values[f"{LATENT}_teacher"],
        ),
    ]
    if BASELINE in card.names and card.columns_of(BASELINE).is_read:
        plain = card.columns_of(BASELINE).values
        ends = _sound(plain[EXPRESSED], plain[LATENT])
        found.append(_Group("plain distillation's end", series(BASELINE), *ends, hollow=True))
    if card.names[0] != BASELINE:
        students = _sound(ours.values[EXPRESSED], ours.values[LATENT])
        found.append(_Group(card.names[0], series(card.names[0]), *students))
    return [group for group in found if group.across.size]


@dataclass(frozen=True, eq=False)
class MeanPath:
    """Plain distillation's mean reading and its SD at each KL, by falling KL."""

    kl: _Values
    mean: _Values
    sd: _Values
    seeds: int


def mean_path(card: Scorecard, name: str) -> MeanPath | None:
    """The mean over seeds at the same KL, which is how an entry is compared with it.

    It begins and ends where the mean seed does; a seed that ends earlier keeps its end there.

    Args:
        card: with plain distillation among its runs.
        name: of the reading.

    Returns:
        None if the path is not known.
    """
    if BASELINE not in card.names or name not in PATH_READINGS:
        return None
    every = [one.path for one in card.baseline.seeds if one.seed in card.seeds]
    paths = [path for path in every if path is not None]
    if not paths:
        return None
    kls = [np.array(path.kl_fresh) for path in paths]
    first, last = (
        float(np.exp(np.mean([np.log(pick(one)) for one in kls]))) for pick in (np.max, np.min)
    )
    kl = np.geomspace(first, last, _PATH_POINTS)
    rows = np.array(
        [
            [
                float(statistics.at_equal_distillation(float(one), own, values).values)
                for one in kl
            ]
            for own, values in zip(
                kls, [np.array(path.readings[name]) for path in paths], strict=True
            )
        ]
    )
    sd = rows.std(0, ddof=1) if len(rows) > 1 else np.zeros(len(kl))
    return MeanPath(kl, rows.mean(0), sd, len(rows))


def _sound(across: _Values, up: _Values) -> tuple[_Values, _Values]:
    """The values of students that did not diverge."""
    kept = np.isfinite(across) & np.isfinite(up)
    return across[kept], up[kept]


def _lost(card: Scorecard) -> str:
    """A sentence on students that have no point."""
    lost = int(np.isnan(card.columns[0].values["kl_fresh"]).sum())
    return f"{lost} of {card.names[0]}'s students diverged and have no point." if lost else ""
