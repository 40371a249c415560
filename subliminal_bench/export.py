"""Exporting a run: one row a seed, for anybody's own statistics."""

import json
from pathlib import Path

from subliminal_bench.errors import ResultError
from subliminal_bench.results import Run, read_run
from subliminal_bench.store import Store

FORMATS = ("csv", "json")


def find(name: str, protocol: str | None, store: Store) -> Run:
    """A run by its file, or by its name in the store.

    Where the store holds several runs of that name (other settings, an older source), the one
    written last is taken; the folder's full name picks another.

    Raises:
        ResultError: nothing of that name, or it ran under several protocols.
    """
    path = Path(name)
    if path.is_file() or path.suffix == ".json":
        return read_run(path)
    found = store.find(name, protocol)
    if not found:
        under = f" under {protocol}" if protocol else ""
        raise ResultError(f"no run named {name!r}{under} in {store.root}, and no such file")
    protocols = sorted({entry.header.protocol.label for entry in found})
    if len(protocols) > 1:
        raise ResultError(
            f"{name!r} ran under {' and '.join(protocols)}: choose one with --protocol"
        )
    return found[0].run()


def render(run: Run, form: str) -> str:
    """The run as text.

    Args:
        run: what to export.
        form: `csv`, where a value that a diverged seed lacks is empty, or `json`, a list of
            objects, where it is null.
    """
    rows = [
        {"seed": result.seed, **result.metrics, "diverged_at": result.diverged_at}
        for result in run.seeds
    ]
    if form == "json":
        return json.dumps(rows, indent=2) + "\n"
    if form != "csv":
        raise ResultError(f"unknown format {form!r}; choose one of {', '.join(FORMATS)}")
    import pandas

    return pandas.DataFrame(rows).to_csv(index=False)
