"""The references that a scorecard compares with, and the origin of their numbers."""

from dataclasses import dataclass

from subliminal_bench.mitigation.builtin import BASELINE, REFERENCES
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.entries import needs_blindness
from subliminal_bench.results.lookup import matching_entry, where_from
from subliminal_bench.results.run import MitigationRecord, Run
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.pairs import Pairs


@dataclass(frozen=True)
class ReferencePlan:
    """The references to compare an entry with, and the origin of each one's numbers.

    Attributes:
        entry: to score.
        references: those that differ from it, in the order of their columns.
        committed: committed runs of some of them; the others run beside the entry.
        twin: the entry with its mechanism switched off; None if its card names none.
    """

    entry: Mitigation
    references: dict[str, Mitigation]
    committed: dict[str, Run]
    twin: Mitigation | None = None

    @classmethod
    def of(
        cls,
        bench: Bench,
        entry: Mitigation,
        seeds: tuple[int, ...],
        rerun: bool = False,
        twin: Mitigation | None = None,
    ) -> "ReferencePlan":
        """Choose the origin of each reference's numbers; nothing is run yet.

        They come from the store, else from the committed entry of the same protocol version,
        source and settings; else the reference runs beside the entry.

        Args:
            bench: runs mitigations.
            entry: to score.
            seeds: that will be needed.
            rerun: ignore the committed entries.
            twin: the entry with its mechanism switched off, if its card names one.
        """
        loaded = {name: load_mitigation(name) for name in REFERENCES}
        others = {name: one for name, one in loaded.items() if not one.same_as(entry)}
        committed: dict[str, Run] = {}
        for name, reference in others.items():
            if rerun or bench.has(reference, seeds):
                continue
            known = matching_entry(MitigationRecord.of(reference), bench.protocol, seeds)
            if known and _is_read(known, seeds, path=name == BASELINE):
                committed[name] = known
        return cls(entry, others, committed, twin)

    def run(
        self, bench: Bench, seeds: tuple[int, ...]
    ) -> tuple[Run, dict[str, Run], dict[str, str]]:
        """Run the entry, and the references without committed numbers, on these seeds.

        Returns:
            The entry's run, the references' runs by name, and for committed references a note
            on the origin of their numbers.
        """
        running = [one for name, one in self.references.items() if name not in self.committed]
        twins = [self.twin] if self.twin else []
        mitigations = [self.entry, *running, *twins]
        show_blind = [one for one in mitigations if needs_blindness(bench.protocol, one)]
        known = self.committed.get(BASELINE)
        pairs = Pairs(
            self.entry.name,
            BASELINE,
            {one.seed: one.metrics for one in known.seeds} if known else {},
            bench.watcher.say,
        )
        ours, *theirs = bench.run(mitigations, seeds, show_blind, pairs)
        if self.twin:
            ours = bench.with_twin(ours, self.entry, self.twin, theirs.pop())
        ran = {run.mitigation.name: run for run in theirs}
        sources = {
            name: f"{where_from('committed numbers', run)}, not run here"
            for name, run in self.committed.items()
        }
        runs = {name: self.committed.get(name) or ran[name] for name in self.references}
        return ours, runs, sources


def _is_read(run: Run, seeds: tuple[int, ...], *, path: bool) -> bool:
    """Whether a run has what this version measures on these seeds."""
    return all(
        one.is_read and (one.path is not None or not path)
        for one in run.seeds
        if one.seed in seeds
    )
