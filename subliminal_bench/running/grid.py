"""Many mitigations, settings and protocols in one go; what fails does not stop the rest."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.experiment.seed_ranges import parse_seeds
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.results.lookup import finished_references
from subliminal_bench.running.progress import SILENT, Watcher
from subliminal_bench.running.set_file import Row, SetFile
from subliminal_bench.running.setup import LoadedScoring, Scoring, Setup
from subliminal_bench.running.whole_watcher import WholeWatcher
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard


@dataclass(frozen=True)
class Cell:
    """One row under one protocol.

    Attributes:
        row: the mitigation with its settings.
        protocol: its name.
        card: its scorecard; None if it is not complete.
        missing: the seeds that have not run.
        failure: why it cannot run; empty if it can.
    """

    row: Row
    protocol: str
    card: Scorecard | None = None
    missing: tuple[int, ...] = ()
    failure: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it is complete."""
        return self.card is not None


@dataclass(frozen=True)
class Grid:
    """Rows and protocols to run.

    Attributes:
        setup: the conditions; its protocol is replaced by those of the file.
        file: what to run.
    """

    setup: Setup
    file: SetFile

    def look(self) -> list[Cell]:
        """What the store has; nothing is run."""
        return [self._looked_at(row, protocol) for row, protocol in self._places()]

    def run(self, watcher: Watcher = SILENT) -> list[Cell]:
        """Run what is missing, cell by cell.

        A mistake in one cell is its failure, and the others run.
        """
        places = list(self._places())
        before = self.look()
        whole = WholeWatcher(watcher)
        whole.parts(len(places), sum(cell.is_done for cell in before))
        found = []
        for cell in before:
            if not cell.is_done:
                whole.begin(f"{cell.row.label}, {cell.protocol}")
                cell = self._ran(cell, whole)
                if cell.failure:
                    whole.say(f"{cell.row.label}, {cell.protocol} failed: {cell.failure}")
            found.append(cell)
        return found

    def _places(self) -> Iterator[tuple[Row, str]]:
        # Protocol by protocol: references are shared within each.
        for protocol in self.file.protocols:
            for row in self.file.rows:
                yield row, protocol

    def _scoring(self, row: Row, protocol: str) -> LoadedScoring:
        return Scoring(
            setup=replace(self.setup, protocol=protocol),
            mitigation=row.mitigation,
            seeds=self.file.seeds,
            settings=row.settings,
        ).load()

    def _looked_at(self, row: Row, protocol: str) -> Cell:
        try:
            scoring = self._scoring(row, protocol)
            with scoring.chosen.setup.bench() as bench:
                missing = tuple(
                    seed for seed in scoring.seeds if not bench.has(scoring.mitigation, (seed,))
                )
                if missing:
                    return Cell(row, protocol, missing=missing)
                # Nothing is trained: the store has all of its seeds.
                (run,) = bench.run([scoring.mitigation], scoring.seeds)
        except BenchmarkError as error:
            return Cell(row, protocol, missing=self._seeds(protocol), failure=str(error))
        try:
            references, sources = finished_references(run, self.setup.store)
        except BenchmarkError:
            # The references have not run on these seeds; `run` runs them.
            return Cell(row, protocol)
        if BASELINE not in references and run.mitigation.name != BASELINE:
            return Cell(row, protocol)
        return Cell(row, protocol, build_scorecard(run, references, sources))

    def _ran(self, cell: Cell, watcher: Watcher) -> Cell:
        try:
            card = self._scoring(cell.row, cell.protocol).run(watcher)
        except BenchmarkError as error:
            left = self._looked_at(cell.row, cell.protocol)
            return replace(left, failure=str(error), card=None)
        return Cell(cell.row, cell.protocol, card)

    def _seeds(self, protocol: str) -> tuple[int, ...]:
        """The seeds of the file; none if they cannot be read."""
        try:
            setup = replace(self.setup, protocol=protocol)
            return parse_seeds(self.file.seeds, setup.chosen_protocol)
        except BenchmarkError:
            return ()
