"""Exporting a run: one row a seed, for anybody's own statistics."""

import json

from subliminal_bench.errors import ResultError
from subliminal_bench.results import Run

FORMATS = ("csv", "json")


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

    frame = pandas.DataFrame(rows)
    # A nullable integer: an empty cell must not turn its neighbours into 7.0.
    frame["diverged_at"] = frame["diverged_at"].astype("Int64")
    return frame.to_csv(index=False)
