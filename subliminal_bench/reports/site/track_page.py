"""What the page of one experiment shows."""

from dataclasses import dataclass

from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.reports.section import PageFigure, placed
from subliminal_bench.reports.site.material import Track
from subliminal_bench.reports.site.table import kl_cell, prevention_cell, reading_cell
from subliminal_bench.reports.tables import Table
from subliminal_bench.reports.traits import against_kl
from subliminal_bench.scoring.scorecard import Scorecard


@dataclass(frozen=True)
class Result:
    """An entry's result in this experiment.

    Attributes:
        label: its name and changed settings.
        slug: its page's name; empty if it has none.
        cells: of the table, after its name.
    """

    label: str
    slug: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class TrackPage:
    """The content of an experiment's page.

    Attributes:
        protocol: the experiment.
        is_leaderboard: whether its entries are ranked.
        numbers: its sizes and lengths.
        headings: of the results.
        results: one for each entry.
        path: the trait of plain distillation and of each entry that was read, against the KL.
    """

    protocol: Protocol
    is_leaderboard: bool
    numbers: Table
    headings: tuple[str, ...]
    results: tuple[Result, ...]
    path: PageFigure | None


_HEADINGS = ("verdict", "prevention", "expressed [%]", "latent [%]", "final KL ratio", "seeds")


def track_page(track: Track, slugs: frozenset[str]) -> TrackPage:
    """The content of an experiment's page.

    Args:
        track: the experiment with its results.
        slugs: of the entries that have a page.
    """
    drawn = against_kl(track.cards[BASELINE], LATENT)
    return TrackPage(
        protocol=track.protocol,
        is_leaderboard=track.is_leaderboard,
        numbers=_numbers(track.protocol),
        headings=_HEADINGS,
        results=tuple(_result(label, card, slugs) for label, card in track.cards.items()),
        path=placed("path", drawn) if drawn else None,
    )


def _result(label: str, card: Scorecard, slugs: frozenset[str]) -> Result:
    slug = card.entry.mitigation.file_stem
    measured = [
        prevention_cell(card),
        reading_cell(card, EXPRESSED),
        reading_cell(card, LATENT),
        kl_cell(card),
    ]
    return Result(
        label,
        slug if slug in slugs else "",
        (
            card.verdict.text if card.verdict else "reference",
            *(f"{one.text} {f'({one.beside})' if one.beside else ''}" for one in measured),
            describe_seeds(card.seeds),
        ),
    )


def _numbers(protocol: Protocol) -> Table:
    """The experiment's sizes and lengths, as they are fixed."""
    rows = [
        ["digits that the teacher learns", f"{protocol.teacher_images:,}"],
        ["digits that the trait is measured on", f"{protocol.test_images:,}"],
        ["epochs of the teacher", str(protocol.teacher_epochs)],
        ["noise images that the student sees", f"{protocol.noise_images:,}"],
        ["epochs of the student", str(protocol.student_epochs)],
        ["steps of the student", str(protocol.student_steps)],
        ["units of each hidden layer", str(protocol.hidden)],
        ["logits of classes, which the student is not shown", str(protocol.classes)],
        ["auxiliary logits, which it imitates", str(protocol.auxiliary)],
        ["fingerprint of all its numbers", protocol.fingerprint[:16]],
    ]
    return Table(["what", protocol.label], rows)
