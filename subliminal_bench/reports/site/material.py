"""Everything that the pages show, read once from committed files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from subliminal_bench import shipped
from subliminal_bench.errors import BenchmarkError, ResultError
from subliminal_bench.experiment.protocol import CANONICAL, Protocol
from subliminal_bench.experiment.tracks import PROTOCOLS
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.results.breaks import BreakRecord, breaks_of, read_breaks
from subliminal_bench.results.entries import entries_folder, read_entries
from subliminal_bench.results.run import Run
from subliminal_bench.results.submissions import (
    SUBMISSIONS,
    Submission,
    Tuning,
    read_submission,
)
from subliminal_bench.scoring.ranking import RankedEntry, RankedLevel, rank_folder
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard

# A few steps for checks: its numbers say nothing about a mitigation.
_ONLY_FOR_CHECKS = "probe"


@dataclass(frozen=True)
class SourceFiles:
    """The source that an entry is from.

    Attributes:
        files: their text, by the path that a reader looks them up under.
        is_same: whether they have the hash that the entry was run with.
        tuning: how the settings were found, if its author said so.
    """

    files: Mapping[str, str]
    is_same: bool
    tuning: Tuning | None = None


@dataclass(frozen=True)
class Track:
    """An experiment with committed results.

    Attributes:
        protocol: the experiment.
        cards: every committed result, scored, by its label.
    """

    protocol: Protocol
    cards: Mapping[str, Scorecard]

    @property
    def is_leaderboard(self) -> bool:
        """Whether its entries are ranked."""
        return self.protocol.is_canonical


@dataclass(frozen=True)
class Material:
    """What is committed.

    Attributes:
        root: the leaderboard's folder.
        levels: its entries, ranked.
        tracks: the experiments with results; the canonical one first.
        breaks: what readers found in any entry.
    """

    root: Path
    levels: tuple[RankedLevel, ...]
    tracks: tuple[Track, ...]
    breaks: tuple[BreakRecord, ...]

    @property
    def rows(self) -> list[RankedEntry]:
        """All entries, in the order of the leaderboard."""
        return [row for level in self.levels for row in level.rows]

    @property
    def blind(self) -> list[RankedEntry]:
        """The ranked entries that see what a distiller has, without plain distillation."""
        return [
            row
            for row in self.rows
            if row.rank is not None
            and row.run.mitigation.access == "blind"
            and row.card.names[0] != BASELINE
        ]

    def elsewhere(self, run: Run) -> list[tuple[Track, Scorecard]]:
        """The results of the same source with the same settings in other experiments."""
        return [
            (track, card)
            for track in self.tracks
            for card in track.cards.values()
            if not track.is_leaderboard and _same(card.entry, run)
        ]

    def breaks_of(self, run: Run) -> list[BreakRecord]:
        """What readers found in an entry, the largest share first."""
        return breaks_of(self.breaks, run)

    def submission(self, run: Run) -> str:
        """The submitted file of an entry, within the leaderboard; empty for an own plugin."""
        folder = self.root / SUBMISSIONS / run.mitigation.name
        try:
            text = read_submission(folder).text if folder.is_dir() else None
        except ResultError:
            return ""
        return f"{SUBMISSIONS}/{folder.name}/{text.mitigation}" if text else ""

    def sources(self, run: Run) -> SourceFiles:
        """The source of an entry, as far as it is here."""
        name = run.mitigation.name
        own = shipped.folder("plugins") / f"{name}.py"
        try:
            if (self.root / SUBMISSIONS / name).is_dir():
                return _submitted(read_submission(self.root / SUBMISSIONS / name), run)
            return _own(own, run) if own.is_file() else SourceFiles({}, False)
        except BenchmarkError:
            # The entry stands without it, and its page says that it is missing.
            return SourceFiles({}, False)


def _submitted(submission: Submission, run: Run) -> SourceFiles:
    files = {
        f"leaderboard/{SUBMISSIONS}/{submission.folder.name}/{path}": _text(content)
        for path, content in sorted(submission.files.items())
    }
    found = loading.sources(submission.spec)
    return SourceFiles(
        files, found.sha256 == run.mitigation.source_sha256, submission.text.tuning
    )


def _own(path: Path, run: Run) -> SourceFiles:
    found = loading.sources(str(path))
    every = {path.name: found.main, **dict(sorted(found.beside.items()))}
    files = {f"plugins/{name}": _text(content) for name, content in every.items()}
    return SourceFiles(files, found.sha256 == run.mitigation.source_sha256)


def read_material(root: Path) -> Material:
    """Read what is committed in a leaderboard's folder.

    Raises:
        ResultError, ProtocolError: a file cannot be read, or an entry is not eligible.
    """
    levels = tuple(rank_folder(root))
    ranked = {row.run.mitigation.label: row.card for level in levels for row in level.rows}
    tracks = [Track(CANONICAL, ranked)]
    for protocol in PROTOCOLS.values():
        if protocol.name in (CANONICAL.name, _ONLY_FOR_CHECKS):
            continue
        runs = read_entries(entries_folder(protocol, root))
        if BASELINE in runs:
            tracks.append(Track(protocol, _scored(runs)))
    return Material(root, levels, tuple(tracks), tuple(read_breaks(root)))


def _scored(runs: Mapping[str, Run]) -> dict[str, Scorecard]:
    """Each run against plain distillation, on the seeds that both have."""
    baseline = runs[BASELINE]
    known = set(baseline.seed_numbers)
    return {
        label: build_scorecard(
            run.only([seed for seed in run.seed_numbers if seed in known]),
            {} if run is baseline else {BASELINE: baseline},
        )
        for label, run in runs.items()
        if known & set(run.seed_numbers)
    }


def _same(one: Run, other: Run) -> bool:
    ours, theirs = one.mitigation, other.mitigation
    return (ours.source_sha256, ours.settings) == (theirs.source_sha256, theirs.settings)


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")
