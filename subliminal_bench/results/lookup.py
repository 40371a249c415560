"""Finding a finished run: by a user's name for it, or as a reference of another run.

This file has all rules of precedence between the store and the committed entries.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from subliminal_bench import shipped
from subliminal_bench.errors import Call, NoSuchFileError, ProtocolError, ResultError, Setting
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.experiment.tracks import PROTOCOLS, protocol_named
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.loading import is_file
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.printable import printable
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.results.folders import RunFolder
from subliminal_bench.results.run import MitigationRecord, ProtocolRecord, Run, read_run
from subliminal_bench.results.store import Store

# Selects the run without changed settings.
_DEFAULTS = "defaults"
Found = TypeVar("Found", Run, RunFolder)


def find_run(name: str, protocol: str | None, store: Store) -> Run:
    """Find a run by its file, by its name in the store, or by the name of a committed entry.

    Several runs of that name in the store must have the same settings: the latest is taken,
    whose source is the newest. NAME:SETTING=VALUE or NAME:defaults selects among settings, and
    a folder's full name any of them.

    Raises:
        ResultError: nothing has that name, it ran under several protocols, or with several
            settings.
    """
    own = _own(name, protocol, store)
    # A run in the store comes before a committed entry.
    found = own or _committed(name, protocol)
    if not found:
        raise _nothing(name, protocol, store)
    return _only(name, found)


def find_on(name: str, protocols: Sequence[Protocol], store: Store) -> Run:
    """Find a run by its file, or by its name under the first of several protocols that has one.

    Args:
        name: as `find_run` takes it.
        protocols: in the order in which they are looked at.
        store: to look in, before the committed entries.

    Raises:
        ResultError: nothing has that name under any of them, or it ran with several settings.
    """
    if is_file(name) or name.endswith(".json"):
        return find_run(name, None, store)
    for protocol in protocols:
        found = _own(name, protocol.name, store) or _committed(name, protocol.name)
        if found:
            return _only(name, found)
    raise _nothing(name, ", ".join(one.name for one in protocols), store)


def find_runs(
    names: Sequence[str], protocol: str | None, store: Store
) -> tuple[dict[str, Run], list[str]]:
    """Find several runs under one protocol, with names that distinguish them.

    A run in the store comes before the committed entry of that name, unless the committed entry
    has seeds of the other runs that the run in the store lacks.

    Returns:
        The runs, and the names of those whose numbers are committed ones.

    Raises:
        ResultError: there are fewer than two names, a name occurs twice, or a run is missing.
        ProtocolError: the runs share no protocol, or more than one.
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
            f"all of them ran under {' and '.join(sorted(shared))}",
            "choose with ",
            Setting("protocol"),
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
    titles = short if unique else list(map(printable, names))
    return dict(zip(titles, runs, strict=True)), [titles[place] for place in taken]


def find_folder(name: str, protocol: str | None, store: Store) -> RunFolder:
    """Find the folder of a run in the store, by a name as `find_run` takes it.

    Raises:
        ResultError: no run in the store has that name, it ran under several protocols, or with
            several settings.
    """
    found = _own_folders(name, protocol, store)
    if not found:
        raise _nothing_stored(name, protocol, store)
    return _only(name, found)


def find_folders(names: Sequence[str], protocol: str | None, store: Store) -> list[RunFolder]:
    """The folders of all runs in the store that the names mean; all runs of a name count.

    Args:
        names: of mitigations, with or without settings, or of folders.
        protocol: only runs under that protocol; None for any.
        store: to look in.

    Raises:
        ResultError: no run in the store has one of the names.
    """
    found: dict[Path, RunFolder] = {}
    for name in names:
        folders = _matching(name, protocol, store)
        if not folders:
            raise _nothing_stored(name, protocol, store)
        found |= {folder.path: folder for folder in folders}
    return list(found.values())


def matching_entry(
    mitigation: MitigationRecord, protocol: Protocol, seeds: Collection[int]
) -> Run | None:
    """The committed entry of exactly that mitigation, if it has all these seeds.

    Source, settings and the protocol's version must be the same.
    """
    known = committed_entry(mitigation.name, protocol, mitigation.changed_settings)
    usable = known and known.mitigation == mitigation and set(seeds) <= set(known.seed_numbers)
    return known if usable else None


def finished_references(entry: Run, store: Store) -> tuple[dict[str, Run], dict[str, str]]:
    """The references' numbers on the seeds of a finished run, without running anything.

    A reference comes from the store if it was computed like the entry (engine, device kind,
    torch, arithmetic), else from the committed entry, else from any run in the store.

    Returns:
        The references' runs by name; for those that were computed differently, also a note on
        the origin of their numbers.

    Raises:
        ResultError: a reference has not run on these seeds.
    """
    seeds, protocol = entry.seed_numbers, protocol_named(entry.protocol.name)
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
            and set(seeds) <= set(folder.finished())
        ]
        alike = [
            folder
            for folder in kept
            if folder.header.environment.computes_like(entry.environment)
        ]
        known = matching_entry(record, protocol, seeds) or next(
            (run for run in _of_the_paper(record, protocol) if run.has(seeds)), None
        )
        if alike:
            found[name] = alike[0].run(seeds)
        elif known and known.protocol == entry.protocol:
            found[name] = known.only(seeds)
            sources[name] = where_from("committed numbers", known)
        elif kept:
            found[name] = kept[0].run(seeds)
            sources[name] = where_from("numbers of an earlier run", found[name])
        else:
            raise ResultError(
                f"{name} has not run on seeds {describe_seeds(seeds)} under "
                f"{entry.protocol.label}",
                _run(name, protocol, describe_seeds(seeds)),
            )
    return found, sources


def longest_references(protocol: Protocol, store: Store) -> dict[str, Run]:
    """Each reference's run with the most seeds, from the store or its committed entry.

    Raises:
        ResultError: a reference never ran under that protocol.
    """
    found = {}
    for name in REFERENCES:
        record = MitigationRecord.of(load_mitigation(name))
        runs = [
            folder.run()
            for folder in store.find(name, protocol.name)
            if folder.header.mitigation == record
            and folder.header.protocol == ProtocolRecord.of(protocol)
        ]
        known = matching_entry(record, protocol, ())
        runs += [known] if known else []
        runs += _of_the_paper(record, protocol)
        if not runs:
            raise ResultError(
                f"{name} never ran under {protocol.label}", _run(name, protocol, "1-20")
            )
        found[name] = max(runs, key=lambda run: len(run.seeds))
    return found


def _of_the_paper(record: MitigationRecord, protocol: Protocol) -> list[Run]:
    """The committed run that is compared with the paper, which has more seeds; or none."""
    path = shipped.folder("leaderboard") / "paper" / f"{record.name}.json"
    try:
        run = read_run(path)
    except NoSuchFileError:
        return []
    same = run.protocol == ProtocolRecord.of(protocol)
    return [run] if same and run.mitigation == record else []


def _only(name: str, found: Mapping[str, Found]) -> Found:
    """The one thing of that name, by protocol label.

    Raises:
        ResultError: there are several.
    """
    if len(found) > 1:
        raise ResultError(
            f"{name!r} ran under {_listed(found)}", "choose one with ", Setting("protocol")
        )
    (only,) = found.values()
    return only


def where_from(what: str, run: Run) -> str:
    """A note on numbers that were not computed here.

    Args:
        what: the kind of numbers.
        run: that has them.
    """
    environment = run.environment
    return f"{what} ({environment.device_name}, torch {environment.torch})"


def _run(name: str, protocol: Protocol, seeds: str) -> Call:
    return Call("run", name, (Setting("protocol", protocol.name), Setting("seeds", seeds)))


def _own(name: str, protocol: str | None, store: Store) -> dict[str, Run]:
    """The runs of that name in the store (or the run in that file), by protocol label."""
    if is_file(name) or name.endswith(".json"):
        run = read_run(Path(name))
        if protocol not in (None, run.protocol.name, run.protocol.label):
            raise ProtocolError(f"{name} ran under {run.protocol.label}, not {protocol}")
        return {run.protocol.label: run}
    folders = _own_folders(name, protocol, store)
    return {label: folder.run() for label, folder in folders.items()}


def _matching(name: str, protocol: str | None, store: Store) -> list[RunFolder]:
    """The folders of all runs in the store that a name means, the latest first."""
    named, chosen = _selected(name)
    return [
        folder
        for folder in store.find(named, _without_version(protocol))
        if chosen is None or set(folder.header.mitigation.changed_settings) == chosen
    ]


def _own_folders(name: str, protocol: str | None, store: Store) -> dict[str, RunFolder]:
    """The folder of the latest run of that name in the store, by protocol label.

    Raises:
        ResultError: it ran with several settings.
    """
    named, _ = _selected(name)
    folders: dict[str, list[RunFolder]] = {}
    for folder in _matching(name, protocol, store):
        folders.setdefault(folder.header.protocol.label, []).append(folder)
    for label, several in folders.items():
        latest = {folder.header.mitigation.label: folder for folder in reversed(several)}
        if len(latest) > 1:
            which = " or ".join(
                f"{named}:{','.join(folder.header.mitigation.changed_settings) or _DEFAULTS}"
                for folder in sorted(latest.values(), key=several.index)
            )
            raise ResultError(f"{name!r} means several runs under {label}", f"name {which}")
    return {label: several[0] for label, several in folders.items()}


def _selected(name: str) -> tuple[str, set[str] | None]:
    """A run's name, and the settings that are changed in it; None if any will do.

    >>> _selected("liminal"), _selected("liminal:defaults")
    (('liminal', None), ('liminal', set()))
    >>> _selected("liminal:lambda0=2.0,anchored=all")[1] == {"lambda0=2.0", "anchored=all"}
    True
    """
    named, colon, settings = name.partition(":")
    if not colon:
        return name, None
    return named, set() if settings == _DEFAULTS else set(settings.split(","))


def _committed(name: str, protocol: str | None) -> dict[str, Run]:
    """The committed entries of that name, by protocol label."""
    wanted = _without_version(protocol)
    known = [one for one in PROTOCOLS.values() if wanted in (None, one.name)]
    named, chosen = _selected(name)
    runs = {one.label: committed_entry(named, one, chosen or ()) for one in known}
    return {label: run for label, run in runs.items() if run is not None}


def _nothing(name: str, protocol: str | None, store: Store) -> ResultError:
    under = f" under {protocol}" if protocol else ""
    return ResultError(f"no run named {name!r}{under} in {store.root}, and no such file")


def _nothing_stored(name: str, protocol: str | None, store: Store) -> ResultError:
    under = f" under {protocol}" if protocol else ""
    return ResultError(
        f"no run named {name!r}{under} in {store.root}",
        "the command `subliminal-bench store list` shows the names",
    )


def _without_version(protocol: str | None) -> str | None:
    """The protocol's name, even if its label is given, as in messages.

    >>> _without_version("mnist-v1")
    'mnist'
    """
    if protocol is None:
        return None
    named, _, version = protocol.rpartition("-v")
    if version.isdigit() and protocol_named(named).label == protocol:
        return named
    return protocol_named(protocol).name


def _listed(runs: Collection[str]) -> str:
    return " and ".join(sorted(runs))
