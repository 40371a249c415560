"""What the page of one entry shows."""

from collections.abc import Mapping
from dataclasses import dataclass

from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.reports import short
from subliminal_bench.reports.provenance import provenance
from subliminal_bench.reports.row_words import twin_said
from subliminal_bench.reports.section import Section, run_section
from subliminal_bench.reports.site.command import RunCommand, run_command
from subliminal_bench.reports.site.material import Material, SourceFiles
from subliminal_bench.reports.site.table import TableRow
from subliminal_bench.reports.tables import Table
from subliminal_bench.results.breaks import BreakRecord
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.ranking import RankedEntry
from subliminal_bench.version import __version__


@dataclass(frozen=True)
class EntryPage:
    """The content of an entry's page.

    Attributes:
        row: as in the front page's table.
        section: the scorecard and its pictures, on the published seeds.
        card: what its card says, with its settings.
        tuning: how its settings were found, in words.
        twin: its twin's settings and what it prevents; empty if it has none.
        claims: everything that was tested about it; None if it was not verified.
        fresh: what it shows on fresh seeds; empty if it was not run on any.
        elsewhere: its results in other experiments; None if there are none.
        breaks: what readers found in it; None if none was tried.
        provenance: where its numbers are from.
        source: its files.
        command: to run it again.
        citation: in BibTeX.
    """

    row: TableRow
    section: Section
    card: Table
    tuning: str
    twin: str
    claims: Table | None
    fresh: tuple[str, ...]
    elsewhere: Table | None
    breaks: Table | None
    provenance: Table
    source: SourceFiles
    command: RunCommand
    citation: str


def entry_page(found: RankedEntry, row: TableRow, material: Material) -> EntryPage:
    """The content of an entry's page.

    Args:
        found: the entry.
        row: as in the front page's table.
        material: all that is committed.

    Raises:
        ResultError: its curves are damaged.
    """
    source = material.sources(found.run)
    return EntryPage(
        row=row,
        section=run_section("run", found.card, None, material.root),
        card=_card(found.run),
        tuning=_tuning(source),
        twin=_twin(found),
        claims=_claims(found),
        fresh=_fresh(found),
        elsewhere=_elsewhere(found.run, material),
        breaks=_breaks(material.breaks_of(found.run)),
        provenance=provenance([found.card]),
        source=source,
        command=run_command(found.card, material),
        citation=citation(found),
    )


def _card(run: Run) -> Table:
    mitigation = run.mitigation
    rows = [
        ["name", mitigation.name],
        ["title", mitigation.title],
        ["access", mitigation.access],
        ["presumes about the data", mitigation.prior or "nothing declared"],
        ["reference", mitigation.reference or "–"],
    ]
    for name, value in mitigation.settings.items():
        changed = " (changed from its default)" if name in mitigation.changed else ""
        rows.append([f"setting {name}", f"{value}{changed}"])
    return Table(["what", "as declared"], rows)


def _tuning(source: SourceFiles) -> str:
    tuning = source.tuning
    if tuning is None:
        return "No tuning is declared."
    return (
        f"Its author tried {tuning.trials} settings on seeds {tuning.seeds}: {tuning.space}. "
        f"{tuning.log} has a line for each."
    )


def _twin(found: RankedEntry) -> str:
    twin = found.run.twin
    if twin is None:
        return ""
    settings = ", ".join(f"{name}={value}" for name, value in twin.settings.items())
    return (
        f"Its twin, with its mechanism switched off ({settings}), prevents "
        f"{twin_said(found) or '–'} by itself. The entry is credited with what it prevents "
        "beyond that."
    )


def _claims(found: RankedEntry) -> Table | None:
    record = found.standing.record if found.standing else None
    if record is None:
        return None
    return Table(
        ["claim", "result", "evidence"],
        [[one.about, "holds" if one.holds else "refuted", one.text] for one in record.claims],
    )


def _fresh(found: RankedEntry) -> tuple[str, ...]:
    standing = found.standing
    if standing is None or standing.record is None:
        return ()
    record, card = standing.record, standing.fresh
    ran = record.isolation.text if record.isolation else "in the trainer's process"
    said = [f"Tested on {record.date}, {ran}; draw {record.draw}."]
    if card is not None:
        word = card.verdict.text if card.verdict else "reference"
        said.append(f"On fresh seeds ({describe_seeds(card.seeds)}): {word}.")
        if card.verdict and card.verdict.prevention:
            said.append(f"Prevention there: {short.prevention(card, card.verdict)}.")
    return tuple(said)


def _elsewhere(run: Run, material: Material) -> Table | None:
    rows = [
        [
            track.protocol.label,
            card.verdict.text if card.verdict else "reference",
            short.prevention(card, card.verdict) if card.verdict else "–",
            describe_seeds(card.seeds),
        ]
        for track, card in material.elsewhere(run)
    ]
    return Table(["experiment", "verdict", "prevention", "seeds"], rows) if rows else None


def _breaks(records: list[BreakRecord]) -> Table | None:
    rows = [
        [
            record.reader.name,
            record.reader.title,
            _percent(record.share),
            _interval(record),
            f"{_percent(record.share_of_verdict)}, {record.best_of_verdict}",
            "finds more" if record.breaks else "; ".join(record.why_not) or "finds no more",
            describe_seeds(record.seeds),
            record.reader.reference or "–",
            record.date,
        ]
        for record in records
    ]
    headings = [
        *("reader", "what it does", "share", "95 %", "the verdict's best", "so it"),
        *("seeds", "by", "date"),
    ]
    return Table(headings, rows) if rows else None


def _percent(share: float | None) -> str:
    return "–" if share is None else short.percent(share)


def _interval(record: BreakRecord) -> str:
    low, high = (
        "unbounded" if bound is None else short.percent(bound)
        for bound in (record.low, record.high)
    )
    return f"{low} to {high}"


# What would end a field, start a command or a comment in BibTeX.
_TAMED: Mapping[int, str] = {ord(letter): f"\\{letter}" for letter in "&%$#_"} | {
    ord(letter): "" for letter in "{}\\~^"
}


def citation(found: RankedEntry) -> str:
    """How to cite an entry, in BibTeX; only what its file and its record say."""
    mitigation = found.run.mitigation
    record = found.standing.record if found.standing else None
    about = [f"source {mitigation.source_sha256[:12]}", f"protocol {found.run.protocol.label}"]
    if record:
        about.append(f"verified {record.date}")
    if mitigation.reference and found.card.names[0] != BASELINE:
        about.append(f"method: {mitigation.reference}")
    key = "".join(letter for letter in mitigation.file_stem if letter.isalnum())
    title = f"{mitigation.label}: {mitigation.title}".translate(_TAMED)
    note = "; ".join(about).translate(_TAMED)
    return (
        f"@misc{{subliminalbench-{key},\n"
        f"  title        = {{{title}}},\n"
        f"  howpublished = {{subliminal-bench {__version__}}},\n"
        f"  note         = {{{note}}},\n"
        "}"
    )
