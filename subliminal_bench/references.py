"""The references' numbers for a scorecard: kept, committed, or run now."""

from subliminal_bench import entries, mitigations
from subliminal_bench.benchmark import Bench
from subliminal_bench.mitigations import Mitigation
from subliminal_bench.reference_names import REFERENCES
from subliminal_bench.results import MitigationRecord, Run


def run_with(
    bench: Bench, entry: Mitigation, seeds: tuple[int, ...], rerun: bool = False
) -> tuple[Run, dict[str, Run], dict[str, str]]:
    """Run an entry, and get the references' numbers on the same seeds.

    A reference comes from the store, else from the committed entry of the same protocol
    version, source and settings, else it is run beside the entry.

    Args:
        bench: where entries run.
        entry: what to score.
        seeds: on which seeds.
        rerun: leave the committed entries aside.

    Returns:
        The entry's run, the references' runs by name, and for those that were committed a
        note on where their numbers are from.
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
    running = [one for name, one in others.items() if name not in taken]
    ours, *theirs = bench.run([entry, *running], seeds)
    ran = {run.mitigation.name: run for run in theirs}
    sources = {
        name: f"committed numbers ({run.environment.device_name}, "
        f"torch {run.environment.torch}), not run here"
        for name, run in taken.items()
    }
    return ours, {name: taken.get(name) or ran[name] for name in others}, sources
