"""What a page says about one run: verdict, facts, figures and tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from subliminal_bench.experiment.metrics import STEP_CURVES
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.reports import figures, resolvable, short, tables, traits
from subliminal_bench.reports.curves import Band, KeptCurves, curve_band, kept_curves
from subliminal_bench.reports.drawings import DescribedFigure
from subliminal_bench.reports.figures import PANELS
from subliminal_bench.reports.svg import inline_svg
from subliminal_bench.reports.tables import Table
from subliminal_bench.results.store import Store
from subliminal_bench.scoring.scorecard import Scorecard
from subliminal_bench.scoring.words import MEANINGS


@dataclass(frozen=True)
class PageFigure:
    """A figure as it appears on the page."""

    picture: Markup
    title: str


@dataclass(frozen=True)
class KeyNumber:
    """One of the most important numbers, shown at the top."""

    name: str
    value: str
    beside: str


@dataclass(frozen=True)
class Section:
    """The page's content about one scored run."""

    slug: str
    card: Scorecard
    word: str
    meaning: str
    facts: list[KeyNumber]
    tables: list[Table]
    panels: list[PageFigure]
    curve_notes: list[str]
    seeds: PageFigure | None
    traits: list[PageFigure]
    readers: Table | None
    pairs: PageFigure | None
    differences: PageFigure | None
    resolution: Table
    sentences: list[str]


def run_section(
    slug: str, card: Scorecard, store: Store | None, leaderboard: Path | None
) -> Section:
    """A page's content about one run.

    Args:
        slug: the beginning of the identifiers on the page.
        card: the run's scorecard.
        store: to look for curves in; None for committed ones only.
        leaderboard: its folder, to look for thinned curves of committed runs in.

    Raises:
        ResultError: a file of curves is damaged.
    """
    verdict = card.verdict
    bands, notes = _curves(card, store, leaderboard)
    seeds = traits.every_seed(card)
    against_kl = {name: traits.against_kl(card, name) for name in traits.TRAITS}
    compared = bool(card.comparisons) and card.against_baseline is not None
    return Section(
        slug=slug,
        card=card,
        word=verdict.text if verdict else "baseline",
        meaning=MEANINGS[verdict.word]
        if verdict
        else "all other entries are compared with it, so it gets no verdict",
        facts=_facts(card),
        tables=[tables.metrics(card), *tables.comparisons(card)],
        panels=[
            placed(f"{slug}-{panel.curve}", figures.curve(panel, bands[panel.curve]))
            for panel in PANELS
            if bands[panel.curve]
        ],
        curve_notes=notes,
        seeds=placed(f"{slug}-seeds", seeds) if seeds else None,
        traits=[
            placed(f"{slug}-{name}-kl", drawn)
            for name, drawn in against_kl.items()
            if drawn is not None
        ],
        readers=tables.readers(card.equal, card.entry.start) if card.equal else None,
        pairs=placed(f"{slug}-pairs", figures.pairs(card)) if compared else None,
        differences=placed(f"{slug}-differences", figures.differences(card))
        if card.comparisons
        else None,
        resolution=resolvable.table(card),
        sentences=resolvable.sentences(card),
    )


def placed(slug: str, drawn: DescribedFigure) -> PageFigure:
    """A figure as it stands on a page; its identifiers begin with the slug."""
    return PageFigure(
        inline_svg(drawn.figure, slug, drawn.title, drawn.description), drawn.title
    )


def _curves(
    card: Scorecard, store: Store | None, leaderboard: Path | None
) -> tuple[dict[str, dict[str, Band]], list[str]]:
    """Bands by curve and by run, and notes on missing and thinned curves."""
    test_every = protocol_named(card.protocol.name).test_every
    kept = {name: kept_curves(run, card.seeds, store, leaderboard) for name, run in card.runs()}
    bands: dict[str, dict[str, Band]] = {}
    for panel in PANELS:
        found = {}
        for name, one in kept.items():
            every = one.every if panel.curve in STEP_CURVES else test_every
            # Thinned steps are too far apart to be averaged.
            block = 1 if one.is_thinned else panel.block
            found[name] = curve_band(one.by_seed, panel.curve, every, block)
        bands[panel.curve] = {name: band for name, band in found.items() if band is not None}
    return bands, [*_thinned(kept), *_missing(card, kept)]


def _thinned(kept: Mapping[str, KeptCurves]) -> list[str]:
    """A note on the runs of whose curves only some steps are known."""
    names = [name for name, one in kept.items() if one.is_thinned]
    if not names:
        return []
    every = max(one.every for one in kept.values())
    return [
        f"{', '.join(names)}: thinned curves, one step in {every}, as they are kept beside a "
        "committed entry; their cosines are those of single steps."
    ]


def _missing(card: Scorecard, kept: Mapping[str, KeptCurves]) -> list[str]:
    """Notes on the runs whose curves are not drawn, and the reason."""
    absent = [name for name, found in kept.items() if not found.by_seed]
    notes = [f"{', '.join(absent)}: curves are not available."] if absent else []
    for name, found in kept.items():
        lacking = set(card.seeds) - found.by_seed.keys()
        if found.by_seed and lacking:
            notes.append(f"{name}: curves of {seeds_phrase(lacking)} are not available.")
    if notes:
        notes.append(
            "Older committed numbers have no curves, and a diverged student has no complete "
            "ones. Runs in the store have curves, including references that are rerun there."
        )
    return notes


def _facts(card: Scorecard) -> list[KeyNumber]:
    """Prevention, expressed and latent trait, and distillation."""
    facts = []
    verdict = card.verdict
    if verdict:
        found = verdict.prevention
        facts.append(
            KeyNumber("prevention", "not printed", short.why_none(card, verdict))
            if found is None
            else KeyNumber(
                "prevention",
                short.estimate(card, found),
                f"95 %: {short.interval(found)}, decided by {short.reader(found)}",
            )
        )
    facts.append(KeyNumber("expressed trait", *short.reading(card, EXPRESSED)))
    if card.columns[0].is_read:
        facts.append(KeyNumber("latent trait", *short.reading(card, LATENT)))
    against = card.against_baseline
    if against:
        ratio = against.distillation
        facts.append(
            KeyNumber("final KL, ratio to baseline", "diverged", "no KL for that student")
            if ratio is None
            else KeyNumber(
                "final KL, ratio to baseline",
                f"×{ratio.ratio:.3f}",
                f"distillation {ratio.verdict}, margin ×{ratio.margin:.2f}",
            )
        )
    return facts
