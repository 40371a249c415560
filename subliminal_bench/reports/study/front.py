"""The picture of a study: expressed and latent trait of every trial against its final KL."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.reports.drawings import DescribedFigure, dots, logarithmic
from subliminal_bench.reports.style import Series, drawing, light, series
from subliminal_bench.reports.svg import svg_document
from subliminal_bench.reports.traits import TRAITS, mean_path
from subliminal_bench.results.entries import entries_folder, read_entries
from subliminal_bench.results.run import Run
from subliminal_bench.running.study.findings import Findings
from subliminal_bench.scoring.recommendation import ratio_of
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.statistics import MARGIN

# In inches: two panels and a legend.
_SIZE = (9.0, 4.4)
# Ratios of the KL that are drawn.
_LEAST, _MOST = 0.8, 2.2
_PRUNED = Series("faint", (), "x")
_ENTRIES = Series("liminal", (), "D")
_TRIAL, _BEST = Series("entry", (), "o"), Series("entry", (), "*")
_CHECK = Series("projection", (), "*")


@dataclass(frozen=True)
class Place:
    """A run in the picture.

    Attributes:
        label: beside its point; empty for none.
        ratio: its final KL over that of plain distillation on the same seeds.
        traits: its mean readings, by name.
    """

    label: str
    ratio: float
    traits: dict[str, float]

    @classmethod
    def of(cls, label: str, card: Scorecard | None) -> "Place | None":
        """Where a run stands; None if a student diverged, or it was not read."""
        ratio = ratio_of(card) if card else None
        if card is None or ratio is None or not card.columns[0].is_read:
            return None
        return cls(label, ratio, {name: card.columns[0].mean(name) for name in TRAITS})


@drawing()
def study_figure(findings: Findings, leaderboard: Path | None = None) -> DescribedFigure | None:
    """The picture of a study.

    The KL is drawn as a ratio to plain distillation's on the same seeds, so that runs on other
    seeds can stand beside the trials.

    Args:
        findings: of the study.
        leaderboard: its folder; by default the one that ships.

    Returns:
        None if no trial has numbers yet.
    """
    cards = [one.card for one in findings.trials if one.card]
    if not cards:
        return None
    widest = max(cards, key=lambda card: len(card.seeds))
    listed = entry_places(findings, leaderboard)
    figure = Figure(figsize=_SIZE)
    figure.set_facecolor(light("paper"))
    for axes, name in zip(figure.subplots(1, 2), (EXPRESSED, LATENT), strict=True):
        _panel(axes, findings, name, widest, listed)
    figure.legend(
        handles=_handles(findings, bool(listed)),
        loc="outside lower left",
        ncols=3,
        frameon=False,
        fontsize=8,
    )
    space = " ".join(f"{name}={one}" for name, one in findings.record.space.items())
    figure.suptitle(
        f"{findings.record.mitigation.label}: {len(findings.trials)} settings of {space}, "
        f"{findings.record.protocol.label}, {seeds_phrase(findings.record.seeds)}",
        fontsize=9,
        x=0.01,
        ha="left",
        wrap=True,
    )
    return DescribedFigure(
        figure,
        f"Study of {findings.record.mitigation.label}",
        "; ".join(
            f"trial {place.label}: KL x{place.ratio:.2f}, "
            f"{100 * place.traits[EXPRESSED]:.1f} % expressed, "
            f"{100 * place.traits[LATENT]:.1f} % latent"
            for place in _places(findings, "complete")
        ),
    )


def study_svg(findings: Findings, leaderboard: Path | None = None) -> str | None:
    """The picture as a file of its own; the same findings give the same text."""
    found = study_figure(findings, leaderboard)
    return svg_document(found.figure, found.title) if found else None


def entry_places(findings: Findings, leaderboard: Path | None = None) -> list[Place]:
    """The committed entries of the protocol, however coarsely the study measures."""
    protocol = protocol_named(base_protocol(findings))
    entries = read_entries(entries_folder(protocol, leaderboard))
    baseline = entries.get(BASELINE)
    if baseline is None:
        return []
    others = [run for label, run in sorted(entries.items()) if label != BASELINE]
    found = (_entry_place(run, baseline) for run in others)
    return [place for place in found if place]


def base_protocol(findings: Findings) -> str:
    """The name of the study's protocol, without how coarsely it measures."""
    return findings.record.protocol.name.partition("-every-")[0]


def _entry_place(run: Run, baseline: Run) -> Place | None:
    seeds = sorted(set(run.seed_numbers) & set(baseline.seed_numbers))
    if not seeds or run.protocol != baseline.protocol:
        return None
    return Place.of(
        run.mitigation.label, build_scorecard(run.only(seeds), {BASELINE: baseline.only(seeds)})
    )


def _places(findings: Findings, *states: str) -> list[Place]:
    found = (
        Place.of(str(one.number), one.card) for one in findings.trials if one.state in states
    )
    return [place for place in found if place]


def _panel(
    axes: Axes, findings: Findings, name: str, widest: Scorecard, listed: Sequence[Place]
) -> None:
    """One trait against the KL."""
    axes.set_xscale("log")
    logarithmic(axes.xaxis)
    axes.xaxis.set_major_locator(FixedLocator([0.8, 0.9, 1.0, 1.2, 1.5, 2.0]))
    axes.axvline(MARGIN, color=light("faint"), linewidth=0.8, linestyle=(0, (3, 2)))
    path = mean_path(widest, name)
    if path is not None:
        ends = widest.columns_of(BASELINE).sound("kl_fresh")
        end = float(np.exp(np.log(ends).mean())) if ends.size else float(path.kl[-1])
        look = series(BASELINE)
        low, high = 100 * (path.mean - path.sd), 100 * (path.mean + path.sd)
        axes.fill_between(
            path.kl / end, low, high, color=light(look.colour), alpha=0.13, linewidth=0
        )
        axes.plot(path.kl / end, 100 * path.mean, **look.line)
    _points(axes, _ENTRIES, name, listed, hollow=True, size=4, labelled=6.5)
    _points(axes, _PRUNED, name, _places(findings, "pruned"), size=4)
    complete = _places(findings, "complete")
    front = [one for one in complete if int(one.label) in findings.front]
    _points(axes, _TRIAL, name, [one for one in complete if one not in front], hollow=True)
    _points(axes, _TRIAL, name, front, labelled=8)
    best = [one for one in complete if findings.best and one.label == str(findings.best.number)]
    _points(axes, _BEST, name, best, size=13, labelled=0 if best and best[0] in front else 8)
    checked = Place.of("", findings.check)
    _points(axes, _CHECK, name, [checked] if checked else [], size=11)
    axes.set_xlim(_LEAST, _MOST)
    axes.set_xlabel("final KL on fresh noise / plain distillation's")
    axes.set_ylabel(TRAITS[name][1])


def _points(
    axes: Axes,
    look: Series,
    name: str,
    places: Sequence[Place],
    *,
    hollow: bool = False,
    size: float = 5,
    labelled: float = 0,
) -> None:
    """Points of one look; what lies beyond the axis is drawn at its end.

    Args:
        axes: to draw on.
        look: of the points.
        name: of the trait.
        places: of the runs.
        hollow: whether the points are.
        size: of a point.
        labelled: size of the labels; 0 for none.
    """
    across = [min(max(one.ratio, _LEAST), _MOST) for one in places]
    up = [100 * one.traits[name] for one in places]
    dots(axes, look, across, up, hollow=hollow, size=size)
    if labelled:
        for one, x, y in zip(places, across, up, strict=True):
            axes.annotate(
                one.label,
                (x, y),
                xytext=(3, 3) if x < 0.8 * _MOST else (-3, 3),
                ha="left" if x < 0.8 * _MOST else "right",
                textcoords="offset points",
                fontsize=labelled,
                color=light("faint" if look is _ENTRIES else "ink"),
            )


def _handles(findings: Findings, with_entries: bool) -> list[Line2D]:
    """The legend."""

    def handle(look: Series, label: str, *, hollow: bool = False) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="none",
            marker=look.marker,
            markersize=6,
            markerfacecolor=light("paper" if hollow else look.colour),
            markeredgecolor=light(look.colour),
            label=label,
        )

    best = "recommended" if findings.recommended else "best that keeps the KL"
    found = [
        Line2D([], [], **series(BASELINE).line, label="plain distillation's path"),
        handle(_TRIAL, "trial on the front of prevention and KL"),
        handle(_TRIAL, "other trial", hollow=True),
        handle(_PRUNED, "pruned on the first seeds"),
    ]
    if findings.best:
        found.append(handle(_BEST, best))
    if findings.check:
        found.append(handle(_CHECK, "the same on fresh seeds"))
    if with_entries:
        found.append(handle(_ENTRIES, "committed entry, on its own seeds", hollow=True))
    margin = f"KL kept up to x{MARGIN:.2f}"
    found.append(
        Line2D([], [], color=light("faint"), linewidth=0.8, linestyle=(0, (3, 2)), label=margin)
    )
    return found
