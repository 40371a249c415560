"""The references' numbers for a scorecard: kept, committed, or run now."""

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.protocol import Protocol, protocol_named
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.results.run import MitigationRecord, ProtocolRecord, Run
from subliminal_bench.results.store import RunFolder, Store


def finished_references(entry: Run, store: Store) -> tuple[dict[str, Run], dict[str, str]]:
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
        record = MitigationRecord.of(load_mitigation(name))
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
        known = committed_entry(name, protocol_named(entry.protocol.name))
        if alike:
            found[name] = alike[0].run(entry.seed_numbers)
        elif known and known.mitigation == record and _covers(known, entry):
            found[name], sources[name] = (
                known.only(entry.seed_numbers),
                numbers_from("committed numbers", known),
            )
        elif kept:
            found[name] = kept[0].run(entry.seed_numbers)
            sources[name] = numbers_from("numbers of an earlier run", found[name])
        else:
            raise ResultError(
                f"{name} has not run on seeds {describe_seeds(entry.seed_numbers)} under "
                f"{entry.protocol.label}: subliminal-bench run {name} --protocol "
                f"{entry.protocol.name} --seeds {describe_seeds(entry.seed_numbers)}"
            )
    return found, sources


def longest_references(chosen: Protocol, store: Store) -> dict[str, Run]:
    """Each reference as it ran on the most seeds: here, or in its committed entry.

    Raises:
        ResultError: a reference never ran under that protocol.
    """
    found = {}
    for name in REFERENCES:
        record = MitigationRecord.of(load_mitigation(name))
        runs = [
            folder.run()
            for folder in store.find(name, chosen.name)
            if folder.header.mitigation == record
            and folder.header.protocol == ProtocolRecord.of(chosen)
        ]
        known = committed_entry(name, chosen)
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


def _ran_alike(folder: RunFolder, entry: Run) -> bool:
    """Whether rounding is all the same to both."""
    ours, theirs = folder.header.environment, entry.environment
    return (ours.engine, ours.device, ours.torch) == (
        theirs.engine,
        theirs.device,
        theirs.torch,
    )


def numbers_from(what: str, run: Run) -> str:
    environment = run.environment
    return f"{what} ({environment.device_name}, torch {environment.torch})"
