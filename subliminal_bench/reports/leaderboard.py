"""The leaderboard's page, `leaderboard/README.md`, made only from the entries."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.mitigation.card import Access
from subliminal_bench.reports.markdown_text import literal
from subliminal_bench.reports.tables import blindness_of, commit_of, process_of
from subliminal_bench.results.entries import read_entry_files
from subliminal_bench.results.verified import VerifiedRecord, read_verified
from subliminal_bench.scoring.comparison import Comparison, show_interval, show_p
from subliminal_bench.scoring.ranking import RankedEntry, RankedLevel, rank_entries
from subliminal_bench.scoring.statistics import MARGIN

_TRAIT = METRICS["trait_accuracy"]
_ABOUT: dict[Access, tuple[str, str]] = {
    "blind": (
        "Blind",
        "These see what a distiller really has: the teacher's auxiliary logits on the noise, "
        "the base model.",
    ),
    "teacher-classes": (
        "Teacher's classes",
        "These see the teacher's class logits on the noise too, which a distiller that is "
        "given the auxiliary logits alone does not have. They see no labels.",
    ),
    "trait-gradient": (
        "Oracles",
        "These may ask for the gradient of the trait loss on labelled digits, which no "
        "distiller has. They show what is possible, and never rank beside a blind entry.",
    ),
}
_HEADINGS = (
    "rank",
    "entry",
    "trait accuracy [%]",
    "against baseline [points]",
    "p (Holm)",
    "final KL ratio",
    "training KL ratio",
    "initial head [%]",
    "trait loss after [nats]",
    "Pareto",
    "verdict",
)


def leaderboard_page(root: Path) -> tuple[Path, str]:
    """A leaderboard's page: its file, and the text for its current entries.

    Args:
        root: the leaderboard's folder.

    Raises:
        ResultError, ProtocolError: an entry cannot be read or is not eligible.
    """
    present = read_entry_files(root / "entries")
    verified = {label: read_verified(root, path) for label, (path, _) in present.items()}
    ranked = rank_entries({label: run for label, (_, run) in present.items()})
    return root / "README.md", render_leaderboard(ranked, verified)


def is_fresh(page: Path, text: str) -> bool:
    """Whether the file has that text."""
    return page.is_file() and page.read_bytes() == text.encode()


def render_leaderboard(
    levels: Sequence[RankedLevel], verified: Mapping[str, VerifiedRecord | None] | None = None
) -> str:
    """The page as markdown; the same entries give the same bytes.

    Args:
        levels: the entries, ranked.
        verified: the entries' verification records, by label.
    """
    rows = [row for level in levels for row in level.rows]
    protocol = rows[0].run.protocol
    lines = [
        "# Leaderboard",
        "",
        "Written by `subliminal-bench leaderboard` from the files in `entries/`; do not edit.",
        "",
        f"Protocol {protocol.label}, fingerprint `{protocol.fingerprint[:16]}`. Entries "
        "are compared seed by seed; means stand with their SD over seeds.",
        "",
        "- **rank**: entries that share one (=) are not told apart by their seeds (sign-flip "
        "tests of all pairs, Holm-corrected). No rank: it suppresses the trait by damage or by "
        "not distilling.",
        "- **points, interval, p**: as on the entry's scorecard, Holm over its references.",
        "- **KL ratios**: geometric means over seeds against the baseline. The final one is on "
        "fresh noise, with its upper 95 % bound; distillation counts as kept while that bound "
        f"is below {MARGIN:.2f}.",
        "- [Every other word](../docs/glossary.md).",
        "- **Pareto**: no ranked entry of the section has both less trait and less final KL.",
    ]
    for level in levels:
        heading, about = _ABOUT[level.access]
        lines += ["", f"## {heading}", "", about, "", _table(level)]
    lines += ["", "## What this table can resolve", "", _resolution(rows)]
    lines += ["", "## Provenance", "", _provenance(rows, verified or {})]
    return "\n".join(lines) + "\n"


def _table(level: RankedLevel) -> str:
    cells = [_cells(row) for row in level.rows]
    return tabulate(cells, _HEADINGS, "github", disable_numparse=True)


def _cells(row: RankedEntry) -> list[str]:
    against = row.card.against_baseline
    rank = "–" if row.rank is None else f"{row.rank}{'=' if row.tied else ''}"
    return [
        rank,
        _name(row),
        _mean(row, _TRAIT.name),
        "reference" if against is None else _difference(against),
        "–" if against is None else show_p(against.adjusted_p),
        "1" if against is None else _final_ratio(against),
        "1" if against is None else _training_ratio(against),
        _mean(row, "initial_head_accuracy"),
        _mean(row, "trait_loss_final"),
        "yes" if row.pareto else "",
        row.card.verdict.text if row.card.verdict else "reference",
    ]


def _name(row: RankedEntry) -> str:
    return literal(row.run.mitigation.label)


def _difference(against: Comparison) -> str:
    trait = against.trait
    return f"{_TRAIT.show(trait.mean, signed=True)} ({show_interval(trait)})"


def _final_ratio(against: Comparison) -> str:
    kept = against.distillation
    if kept is None or kept.high is None:
        return "diverged"
    return f"{kept.ratio:.3f} (at most {kept.high:.3f})"


def _training_ratio(against: Comparison) -> str:
    return "diverged" if against.training_ratio is None else f"{against.training_ratio:.3f}"


def _mean(row: RankedEntry, metric: str) -> str:
    return row.summary(metric).show(METRICS[metric])


def _resolution(rows: Sequence[RankedEntry]) -> str:
    """One line on the differences from the baseline that the rows' seeds find."""
    found = [
        against.resolves
        for row in rows
        if (against := row.card.against_baseline) and against.resolves is not None
    ]
    if not found:
        return "There is nothing to compare yet."
    fewest, most = (pick(len(row.card.seeds) for row in rows) for pick in (min, max))
    seeds = f"{fewest} seeds" if fewest == most else f"{fewest} to {most} seeds"
    return (
        f"With {seeds}, an entry's difference from the baseline is found four times in five "
        f"when it is at least {_TRAIT.show(min(found))} to {_TRAIT.show(max(found))} points, "
        "depending on how much its own differences scatter (two-sided .05, Holm over the "
        "references)."
    )


def _provenance(
    rows: Sequence[RankedEntry], verified: Mapping[str, VerifiedRecord | None]
) -> str:
    cells = [
        [
            _name(row),
            describe_seeds(row.card.seeds),
            blindness_of(row.run),
            _verified(verified.get(row.run.mitigation.label)),
            process_of(row.run),
            row.run.mitigation.source_sha256[:12],
            literal(row.run.environment.device_name),
            literal(row.run.environment.torch),
            commit_of(row.run),
            literal(row.run.mitigation.reference),
        ]
        for row in rows
    ]
    headings = (
        "entry",
        "seeds",
        "blindness",
        "verified",
        "ran",
        "source",
        "device",
        "torch",
        "commit",
        "reference",
    )
    return tabulate(cells, headings, "github", disable_numparse=True)


def _verified(record: VerifiedRecord | None) -> str:
    """The seeds that were rerun successfully."""
    return f"seeds {describe_seeds(record.seeds)}" if record else "–"
