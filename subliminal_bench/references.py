"""The references' numbers for a scorecard: kept, committed, or run now."""

from dataclasses import dataclass

from subliminal_bench import entries, mitigations, protocol
from subliminal_bench.benchmark import Bench
from subliminal_bench.errors import ResultError
from subliminal_bench.mitigations import Mitigation
from subliminal_bench.protocol import Protocol
from subliminal_bench.reference_names import REFERENCES
from subliminal_bench.results import MitigationRecord, ProtocolRecord, Run
from subliminal_bench.seeds import describe
from subliminal_bench.store import EntryFolder, Store


@dataclass(frozen=True)
class Beside:
    """What stands beside an entry on its scorecard, and where the numbers are from.

    Attributes:
        entry: what to score.
        references: those that differ from it, in the order of their columns.
        taken: committed runs of some of them; the others run beside the entry.
    """

    entry: Mitigation
    references: dict[str, Mitigation]
    taken: dict[str, Run]

    @classmethod
    def of(
        cls, bench: Bench, entry: Mitigation, seeds: tuple[int, ...], rerun: bool = False
    ) -> "Beside":
        """Choose where each reference's numbers come from; nothing is run yet.

        From the store, else from the committed entry of the same protocol version, source and
        settings, else it is run beside the entry.

        Args:
            bench: where entries run.
            entry: what to score.
            seeds: all that may be asked for.
            rerun: leave the committed entries aside.
        """
        loaded = {name: mitigations.load(name) for name in REFERENCES}
        others = {name: one for name, one in loaded.items() if not one.same_as(entry)}
        taken: dict[str, Run] = {}
        for name, reference in others.items():
            if rerun or bench.has(reference, seeds):
                continue
            known = entries.committed(name, bench.protocol)
            if (
                known
                and known.mitigation == MitigationRecord.of(reference)
                and set(seeds) <= set(known.seed_numbers)
            ):
                taken[name] = known
        return cls(entry, others, taken)

    def run(
        self, bench: Bench, seeds: tuple[int, ...]
    ) -> tuple[Run, dict[str, Run], dict[str, str]]:
        """Run the entry and what is not taken on some or all of the seeds.

        Returns:
            The entry's run, the references' runs by name, and for those that were committed a
            note on where their numbers are from.
        """
        running = [one for name, one in self.references.items() if name not in self.taken]
        ours, *theirs = bench.run([self.entry, *running], seeds)
        ran = {run.mitigation.name: run for run in theirs}
        sources = {
            name: f"{_source('committed numbers', run)}, not run here"
            for name, run in self.taken.items()
        }
        runs = {name: self.taken.get(name) or ran[name] for name in self.references}
        return ours, runs, sources


def at_hand(entry: Run, store: Store) -> tuple[dict[str, Run], dict[str, str]]:
    """The references' numbers on the seeds of a finished run, without running anything.

    A reference comes from the store where it ran under the same engine, device kind and torch
    as the entry, else from the committed entry, else from the store as it is.

    Returns:
        The references' runs by name, and for those that did not run in the same way a note
        on where their numbers are from.

    Raises:
        ResultError: a reference has not run on these seeds.
    """
    found, sources = {}, {}
    for name in REFERENCES:
        record = MitigationRecord.of(mitigations.load(name))
        if record == entry.mitigation:
            continue
        kept = [
            folder
            for folder in store.find(name, entry.protocol.name)
            if folder.header.mitigation == record
            and folder.header.protocol == entry.protocol
            and set(entry.seed_numbers) <= set(folder.finished())
        ]
        alike = [folder for folder in kept if _ran_alike(folder, entry)]
        known = entries.committed(name, protocol.get(entry.protocol.name))
        if alike:
            found[name] = alike[0].run(entry.seed_numbers)
        elif known and known.mitigation == record and _covers(known, entry):
            found[name], sources[name] = (
                known.only(entry.seed_numbers),
                _source("committed numbers", known),
            )
        elif kept:
            found[name] = kept[0].run(entry.seed_numbers)
            sources[name] = _source("numbers of an earlier run", found[name])
        else:
            raise ResultError(
                f"{name} has not run on seeds {describe(entry.seed_numbers)} under "
                f"{entry.protocol.label}: subliminal-bench run {name} --protocol "
                f"{entry.protocol.name} --seeds {describe(entry.seed_numbers)}"
            )
    return found, sources


def finished(chosen: Protocol, store: Store) -> dict[str, Run]:
    """Each reference as it ran on the most seeds: here, or in its committed entry.

    Raises:
        ResultError: a reference never ran under that protocol.
    """
    found = {}
    for name in REFERENCES:
        record = MitigationRecord.of(mitigations.load(name))
        runs = [
            folder.run()
            for folder in store.find(name, chosen.name)
            if folder.header.mitigation == record
            and folder.header.protocol == ProtocolRecord.of(chosen)
        ]
        known = entries.committed(name, chosen)
        runs += [known] if known and known.mitigation == record else []
        if not runs:
            raise ResultError(
                f"{name} never ran under {chosen.label}: subliminal-bench run {name} "
                f"--protocol {chosen.name} --seeds 1-20"
            )
        found[name] = max(runs, key=lambda run: len(run.seeds))
    return found


def _covers(known: Run, entry: Run) -> bool:
    return known.protocol == entry.protocol and set(entry.seed_numbers) <= set(
        known.seed_numbers
    )


def _ran_alike(folder: EntryFolder, entry: Run) -> bool:
    """Whether rounding is all the same to both."""
    ours, theirs = folder.header.environment, entry.environment
    return (ours.engine, ours.device, ours.torch) == (
        theirs.engine,
        theirs.device,
        theirs.torch,
    )


def _source(what: str, run: Run) -> str:
    environment = run.environment
    return f"{what} ({environment.device_name}, torch {environment.torch})"
