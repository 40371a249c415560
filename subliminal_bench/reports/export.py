"""Exporting a run: one row per seed, for anybody's own statistics."""

import json
from typing import TYPE_CHECKING, Any

from subliminal_bench.errors import ResultError
from subliminal_bench.results.run import Run

if TYPE_CHECKING:
    import pandas

EXPORT_FORMATS = ("csv", "json")


def export_text(run: Run, form: str) -> str:
    """The run as text.

    Args:
        run: what to export.
        form: `csv`, where a value that a diverged seed lacks is empty, or `json`, a list of
            objects, where it is null.
    """
    if form not in EXPORT_FORMATS:
        raise ResultError(f"unknown format {form!r}; choose one of {', '.join(EXPORT_FORMATS)}")
    if form == "json":
        return json.dumps(_rows(run), indent=2) + "\n"
    return run_frame(run).to_csv(index=False)


def run_frame(run: Run) -> "pandas.DataFrame":
    """The run as a frame with one row a seed.

    Columns are the seed, every metric (unscaled; nan where the student diverged) and the step
    at which it diverged.
    """
    import pandas

    made = pandas.DataFrame(_rows(run))
    # A nullable integer: an empty cell must not turn its neighbours into 7.0.
    made["diverged_at"] = made["diverged_at"].astype("Int64")
    # Python's None would make a column of objects.
    metrics = list(run.seeds[0].metrics)
    made[metrics] = made[metrics].astype(float)
    return made


def _rows(run: Run) -> list[dict[str, Any]]:
    return [
        {"seed": result.seed, **result.metrics, "diverged_at": result.diverged_at}
        for result in run.seeds
    ]
