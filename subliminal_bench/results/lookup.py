"""Finding a run by what a user calls it."""

from collections.abc import Sequence
from pathlib import Path

from subliminal_bench.errors import ProtocolError, ResultError
from subliminal_bench.experiment.protocol import PROTOCOLS, protocol_named
from subliminal_bench.mitigation.loading import is_file
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.results.run import Run, read_run
from subliminal_bench.results.store import Store


def find_run(name: str, protocol: str | None, store: Store) -> Run:
    """A run by its file, by its name in the store, or by the name of a committed entry.

    Where the store holds several runs of that name (other settings, an older source), the one
    run last is taken; the folder's full name picks another.

    Raises:
        ResultError: nothing of that name, or it ran under several protocols.
    """
    own = _own(name, protocol, store)
    # What was run here comes before what is committed.
    found = own or _committed(name, protocol)
    if not found:
        raise _nothing(name, protocol, store)
    if len(found) > 1:
        raise ResultError(f"{name!r} ran under {_listed(found)}: choose one with --protocol")
    (run,) = found.values()
    return run


def find_runs(
    names: Sequence[str], protocol: str | None, store: Store
) -> tuple[dict[str, Run], list[str]]:
    """Several runs under one protocol, by names that tell them apart.

    A name's own run comes before its committed entry, unless it lacks seeds of the other runs
    that the committed entry has.

    Returns:
        The runs, and the names of those whose numbers are committed ones.

    Raises:
        ResultError: fewer than two, one twice, or one that is not there.
        ProtocolError: they share no protocol, or more than one.
    """
    if len(names) < 2:
        raise ResultError("name at least two runs to compare")
    if len(set(names)) < len(names):
        raise ResultError(f"{', '.join(names)}: a run is named twice")
    own = [_own(name, protocol, store) for name in names]
    committed = [_committed(name, protocol) for name in names]
    found = [ours | theirs for ours, theirs in zip(committed, own, strict=True)]
    for name, one in zip(names, found, strict=True):
        if not one:
            raise _nothing(name, protocol, store)
    shared = set.intersection(*(set(runs) for runs in found))
    if not shared:
        under = "; ".join(
            f"{name} ran under {_listed(runs)}" for name, runs in zip(names, found, strict=True)
        )
        raise ProtocolError(f"{under}: different protocols are never compared")
    if len(shared) > 1:
        raise ResultError(
            f"all of them ran under {' and '.join(sorted(shared))}: choose with --protocol"
        )
    (label,) = shared
    runs = [one[label] for one in found]
    wanted = set().union(*(one[label].seed_numbers for one in own if label in one))
    taken = []
    for place, known in enumerate(one.get(label) for one in committed):
        lacking = wanted - set(runs[place].seed_numbers)
        if known and lacking and lacking <= set(known.seed_numbers):
            runs[place] = known
        if known and runs[place] is known:
            taken.append(place)
    short = [run.mitigation.label for run in runs]
    unique = len(set(short)) == len(short)
    titles = short if unique else list(names)
    return dict(zip(titles, runs, strict=True)), [titles[place] for place in taken]


def _own(name: str, protocol: str | None, store: Store) -> dict[str, Run]:
    """The user's own runs of that name (or the one in that file) by their protocol's label."""
    if is_file(name) or name.endswith(".json"):
        run = read_run(Path(name))
        if protocol not in (None, run.protocol.name, run.protocol.label):
            raise ProtocolError(f"{name} ran under {run.protocol.label}, not {protocol}")
        return {run.protocol.label: run}
    found: dict[str, Run] = {}
    for folder in store.find(name, _without_version(protocol)):
        if folder.header.protocol.label not in found:
            found[folder.header.protocol.label] = folder.looked_at()
    return found


def _committed(name: str, protocol: str | None) -> dict[str, Run]:
    """The committed entries of that name by their protocol's label."""
    wanted = _without_version(protocol)
    known = [one for one in PROTOCOLS.values() if wanted in (None, one.name)]
    runs = {one.label: committed_entry(name, one) for one in known}
    return {label: run for label, run in runs.items() if run is not None}


def _nothing(name: str, protocol: str | None, store: Store) -> ResultError:
    under = f" under {protocol}" if protocol else ""
    return ResultError(f"no run named {name!r}{under} in {store.root}, and no such file")


def _without_version(protocol: str | None) -> str | None:
    """The protocol's name, also where its label is given, as messages show it.

    >>> _without_version("mnist-v1")
    'mnist'
    """
    if protocol is None:
        return None
    by_label = {known.label: known.name for known in PROTOCOLS.values()}
    return by_label.get(protocol) or protocol_named(protocol).name


def _listed(runs: dict[str, Run]) -> str:
    return " and ".join(sorted(runs))
