"""The reproduction as files: tables, figures and the numbers behind them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import pandas
from matplotlib.figure import Figure
from tabulate import tabulate

from subliminal_bench.experiment.protocol import MNIST, PROBE
from subliminal_bench.reports.curves import kept_curves
from subliminal_bench.reports.reproduction import agreement, paper_figures
from subliminal_bench.reports.reproduction.published import Published
from subliminal_bench.reports.style import drawing
from subliminal_bench.reports.svg import svg_document
from subliminal_bench.reports.tables import Table
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.training.first_order import ANGLES, FirstOrderChange

_PIXELS_PER_INCH = 200
_APPENDIX = "Appendix B: measured ratios and sin² of the angle"


def reproduction_files(
    runs: Mapping[str, Run],
    store: Store,
    published: Published,
    measured: list[FirstOrderChange],
) -> dict[str, bytes]:
    """The content of all files, by file name; readers start with `README.md`.

    Args:
        runs: the references' runs under the canonical protocol, by name.
        store: to look for curves in.
        published: the published results that were read from files.
        measured: the check of Appendix B.

    Raises:
        ResultError: a file of curves is damaged.
    """
    agreements = agreement.agreements(runs, published)
    made = {
        "headline.csv": _csv(agreement.headline_rows(runs)),
        "appendix_b.csv": _csv([asdict(one) for one in measured]),
        **_drawn("appendix_b", _APPENDIX, paper_figures.draw_first_order(measured)),
    }
    if agreements:
        made["agreement.csv"] = _csv(agreement.agreement_rows(agreements))
    ours = {
        name: kept_curves(run, run.seed_numbers, store).by_seed for name, run in runs.items()
    }
    shown = []
    for plate in paper_figures.PAPER_FIGURES:
        panels = paper_figures.lines(plate, ours, published.curves, MNIST.test_every)
        # A figure is shown only if every panel has our own runs.
        if all(any(line.source == "here" for line in drawn) for drawn in panels):
            made |= _drawn(plate.name, plate.title, paper_figures.draw(plate, panels))
            made[f"{plate.name}.csv"] = _csv(paper_figures.line_rows(panels))
            shown.append(plate)
    made["README.md"] = _page(runs, agreements, measured, shown).encode()
    return made


def _drawn(name: str, title: str, figure: Figure) -> dict[str, bytes]:
    """The figure as SVG and PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with drawing():
        figure.savefig(buffer, format="png", dpi=_PIXELS_PER_INCH, metadata={"Software": None})
    return {
        f"{name}.svg": svg_document(figure, title).encode(),
        f"{name}.png": buffer.getvalue(),
    }


def _csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    return pandas.DataFrame(rows).to_csv(index=False).encode()


def _page(
    runs: Mapping[str, Run],
    agreements: list[agreement.Agreement],
    measured: list[FirstOrderChange],
    shown: list[paper_figures.PaperFigure],
) -> str:
    lines = [
        "# The paper's results beside ours",
        "",
        "Kitkana & Arora, *Sustained Gradient Alignment Mediates Subliminal Learning in a "
        "Multi-Step Setting* (arXiv 2604.25779). Written by `subliminal-bench reproduce`.",
        "",
        "## Headline numbers",
        "",
        _markdown(agreement.headline(runs)),
        "",
        "*apart*: ours minus the published mean, in standard errors of the published one. "
        "Other seeds have another mean; the paired table below compares seed with seed.",
        "",
        "## Agreement seed by seed",
        "",
    ]
    if agreements:
        lines += [
            _markdown(agreement.agreement(agreements)),
            "",
            "Rounding alone moves a seed by up to a point: the same result means a mean "
            "difference near 0, an SD of about half a point, and r above 0.99.",
        ]
    else:
        lines.append("No published per-seed results were given.")
    for plate in paper_figures.PAPER_FIGURES:
        lines += ["", f"## {plate.title}", ""]
        if plate in shown:
            axes = ", ".join(paper_figures.axis_of(curve).axis for curve, _ in plate.panels)
            lines += [
                f"![{plate.title}]({plate.name}.svg)",
                "",
                f"{axes}. Bands: one SD over seeds. Thin lines: published, of "
                f"their own seeds. Numbers: [{plate.name}.csv]({plate.name}.csv).",
            ]
        else:
            lines.append(
                "Left out: the store has no curves of these runs. A run of liminal under mnist "
                "that reruns the references makes them."
            )
    lines += ["", "## Appendix B, numerically", "", _first_order(measured)]
    return "\n".join(lines) + "\n"


def _first_order(measured: list[FirstOrderChange]) -> str:
    off = max(abs(one.ratio - one.expected) for one in measured)
    angles = [one.angle for one in measured if one.direction == "trait"]
    return (
        "After projection the first-order change of the distillation loss is that without it "
        f"times sin² of the angle. Measured on real students ({len(measured)} projections, "
        f"protocol {PROBE.label} in float64, central differences): the ratio of "
        f"the two changes differs from sin² by at most {off:.1e}. Real trait gradients stand "
        f"at {min(angles):.1f} to {max(angles):.1f} degrees; they were turned towards the "
        f"distillation gradient to cover {min(ANGLES)} to "
        f"{max(ANGLES)}. This is about a step against the gradient; Adam's step "
        "is another one.\n\n"
        f"![{_APPENDIX}](appendix_b.svg)\n\n"
        "Numbers: [appendix_b.csv](appendix_b.csv)."
    )


def _markdown(table: Table) -> str:
    return tabulate(table.rows, table.headings, "github", disable_numparse=True)
