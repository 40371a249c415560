"""The report page: its content and order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from subliminal_bench.experiment.metrics import METRICS, STEP_CURVES
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import describe_seeds, seeds_phrase
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.reports import figures, resolvable, short, tables, traits
from subliminal_bench.reports.curves import Band, KeptCurves, curve_band, kept_curves
from subliminal_bench.reports.drawings import DescribedFigure
from subliminal_bench.reports.figures import PANELS
from subliminal_bench.reports.glossary import meaning
from subliminal_bench.reports.style import COLOURS, series
from subliminal_bench.reports.svg import inline_svg
from subliminal_bench.reports.tables import Table, blindness_of, commit_of, process_of
from subliminal_bench.reports.track_part import track_part
from subliminal_bench.reports.tradeoff import Tradeoff, tradeoff_of
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.scoring.ranking import RankedLevel
from subliminal_bench.scoring.robust import RobustScorecard
from subliminal_bench.scoring.scorecard import Scorecard
from subliminal_bench.scoring.statistics import MARGIN
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


def render_report(
    cards: Sequence[Scorecard],
    store: Store,
    levels: Sequence[RankedLevel],
    leaderboard: Path | None = None,
    robust: Sequence[RobustScorecard] = (),
) -> str:
    """The report as one self-contained HTML page.

    The same runs and files give the same page.

    Args:
        cards: the scored runs, all of one protocol.
        store: to look for curves in.
        levels: the leaderboard's; empty under a protocol without a leaderboard.
        leaderboard: its folder, to look for thinned curves of committed runs in.
        robust: the scored runs' mitigations on several tracks; empty for a page without them.

    Raises:
        ResultError: a file of curves is damaged.
    """
    environment = Environment(
        loader=PackageLoader("subliminal_bench.reports", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    runs = {name for card in cards for name in card.names}

    def explained(heading: str) -> Markup:
        """An attribute that explains a heading where a pointer rests on it."""
        found = "" if heading in runs else meaning(heading)
        return Markup(' title="{}"').format(found) if found else Markup()

    environment.globals.update(series=series, explained=explained)
    found = tradeoff_of(cards, levels)
    return environment.get_template("page.html.jinja").render(
        sections=[
            _section(f"run-{place}", card, store, leaderboard)
            for place, card in enumerate(cards, 1)
        ],
        protocol=cards[0].protocol,
        colours=COLOURS,
        tradeoff=_placed("tradeoff", figures.tradeoff(found)),
        entries=_entries(found),
        tracks=track_part(robust),
        left_out=[f"{', '.join(them)}: {why}" for why, them in found.left_out.items()],
        has_leaderboard=bool(levels),
        margin=f"{MARGIN:.2f}",
        provenance=_provenance(cards),
        metrics=METRICS.values(),
    )


def _section(slug: str, card: Scorecard, store: Store, leaderboard: Path | None) -> Section:
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
            _placed(f"{slug}-{panel.curve}", figures.curve(panel, bands[panel.curve]))
            for panel in PANELS
            if bands[panel.curve]
        ],
        curve_notes=notes,
        seeds=_placed(f"{slug}-seeds", seeds) if seeds else None,
        traits=[
            _placed(f"{slug}-{name}-kl", drawn)
            for name, drawn in against_kl.items()
            if drawn is not None
        ],
        readers=tables.readers(card.equal, card.entry.start) if card.equal else None,
        pairs=_placed(f"{slug}-pairs", figures.pairs(card)) if compared else None,
        differences=_placed(f"{slug}-differences", figures.differences(card))
        if card.comparisons
        else None,
        resolution=resolvable.table(card),
        sentences=resolvable.sentences(card),
    )


def _placed(slug: str, drawn: DescribedFigure) -> PageFigure:
    return PageFigure(
        inline_svg(drawn.figure, slug, drawn.title, drawn.description), drawn.title
    )


def _curves(
    card: Scorecard, store: Store, leaderboard: Path | None
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


def _entries(found: Tradeoff) -> Table:
    """The table of the trade-off's points."""
    trait = METRICS["trait_accuracy"]
    best = {point.number for front in found.fronts for point in front}
    headings = [
        *("no.", "entry", "access", "verdict", "seeds", "prevention", "trait accuracy [%]"),
        *("final KL ratio", "Pareto front"),
    ]
    rows = [
        [
            str(point.number),
            point.label,
            point.card.entry.mitigation.access,
            point.card.verdict.text if point.card.verdict else "reference",
            describe_seeds(point.card.seeds),
            short.percent(point.prevention),
            point.card.summaries(trait.name)[0].show(trait),
            f"{point.ratio:.3f}",
            "yes" if point.number in best else "",
        ]
        for point in found.points
    ]
    return Table(headings, rows)


def _provenance(cards: Sequence[Scorecard]) -> Table:
    """The origin of every run on the page, one column per run."""
    runs: list[tuple[Run, Sequence[int]]] = []
    for card in cards:
        runs += [(run, card.seeds) for run in card.all_runs if run not in [r for r, _ in runs]]
    columns = [_origin(run, seeds) for run, seeds in runs]
    return Table(
        ["", *(run.mitigation.label for run, _ in runs)],
        [[what, *(column[what] for column in columns)] for what in columns[0]],
    )


def _origin(run: Run, seeds: Sequence[int]) -> dict[str, str]:
    mitigation, environment = run.mitigation, run.environment
    settings = ", ".join(f"{name}={value}" for name, value in mitigation.settings.items())
    return {
        "title": mitigation.title,
        "access": mitigation.access,
        "blindness": blindness_of(run),
        "ran": process_of(run),
        "seeds": describe_seeds(seeds),
        "settings": settings or "–",
        "source, SHA-256": mitigation.source_sha256[:12],
        "reference": mitigation.reference or "–",
        "device": f"{environment.device_name} ({environment.device}, {environment.platform})",
        "torch": environment.torch,
        "numpy": environment.numpy,
        "python": environment.python,
        "subliminal-bench": f"{environment.subliminal_bench}, engine {environment.engine}",
        "commit": commit_of(run),
    }
