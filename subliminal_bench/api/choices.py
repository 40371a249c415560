"""What a caller from Python chooses: folders, switches and the set-up of a run."""

import os
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.mitigation.card import Value, written_settings
from subliminal_bench.mitigation.objects import MitigationSpec
from subliminal_bench.printable import brief
from subliminal_bench.results.store import Store, store_folder
from subliminal_bench.running.setup import Scoring, Setup

Folder = str | PathLike[str]


def chosen_scoring(
    mitigation: MitigationSpec | Sequence[MitigationSpec],
    *,
    seeds: str | int | Iterable[int],
    settings: Mapping[str, Value] | None,
    store: Folder | Store | None,
    data_dir: Folder | None,
    rerun_references: bool,
    quiet: bool,
    **choices: Any,
) -> Scoring:
    """What a caller of `run` has chosen; `choices` are those of `Setup` as they are.

    Raises:
        BenchmarkError: the caller made a mistake.
    """
    switches = {
        **{name: choices[name] for name in ("weights", "isolate")},
        "rerun_references": rerun_references,
        "quiet": quiet,
    }
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise BenchmarkError(f"{name} must be True or False, not {brief(value)}")
    setup = Setup(
        store=kept_store(store),
        data_dir=None if data_dir is None else named_folder("data_dir", data_dir),
        **choices,
    )
    return Scoring(
        setup=setup,
        mitigation=mitigation,
        seeds=seeds,
        settings=[] if settings is None else written_settings(settings),
        rerun_references=rerun_references,
    )


def kept_store(named: Folder | Store | None) -> Store:
    """The store in the named folder, else in the default one."""
    if isinstance(named, Store):
        return named
    return Store(store_folder(None if named is None else named_folder("store", named)))


def named_folder(argument: str, named: object) -> Path:
    """The folder that an argument names.

    Raises:
        BenchmarkError: it is no path.
    """
    if not isinstance(named, str | PathLike):
        raise BenchmarkError(f"{argument} must be a folder's path, not {brief(named)}")
    try:
        found = Path(named)
        is_possible = b"\0" not in os.fsencode(found)
    except (TypeError, UnicodeError):
        is_possible = False
    if not is_possible:
        raise BenchmarkError(f"{argument} is {brief(named)}: no path contains such characters")
    return found
