"""Exporting a run with one row per seed, for a user's own statistics."""

import json
from typing import TYPE_CHECKING, Any

from subliminal_bench.errors import checked_form
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.scorecard import Scorecard

if TYPE_CHECKING:
    import pandas

EXPORT_FORMATS = ("csv", "json")


def export_text(run: Run, form: str) -> str:
    """The run as text.

    Args:
        run: to export.
        form: `csv`, or `json`, a list of objects; a value that a diverged seed lacks is empty
            in csv and null in json.
    """
    if checked_form(form, EXPORT_FORMATS) == "json":
        return json.dumps(_rows(run), indent=2) + "\n"
    return run_frame(run).to_csv(index=False)


def run_frame(run: Run) -> "pandas.DataFrame":
    """The run as a frame with one row per seed.

    Columns are the seed, every metric (unscaled; nan if the student diverged), the step at
    which it diverged, and the run's `mitigation`, `settings` (JSON) and `protocol`.
    """
    import pandas

    made = pandas.DataFrame(_rows(run))
    # A nullable integer, because an empty cell must not turn the other cells into floats.
    made["settings"] = made["settings"].map(json.dumps)
    made["diverged_at"] = made["diverged_at"].astype("Int64")
    # Python's None would give the column the dtype object.
    metrics = list(run.seeds[0].metrics)
    made[metrics] = made[metrics].astype(float)
    return made


def readers_frame(card: Scorecard) -> "pandas.DataFrame":
    """What every reader finds at equal distillation; see `api.Finished.readers`."""
    import pandas

    shares = (*card.equal.shares, card.equal.fit) if card.equal else ()
    return pandas.DataFrame(
        [
            {
                "reader": share.name,
                "student": share.readings.entry.mean(),
                "plain": share.readings.plain.mean(),
                "untrained": share.readings.untrained.mean(),
                "share": share.path,
                "low": share.bound(0.025),
                "high": share.bound(0.975),
                "enough": share.enough,
            }
            for share in shares
        ]
    )


def _rows(run: Run) -> list[dict[str, Any]]:
    # The same in every row, so that exports can be put under one another.
    shared = {
        "mitigation": run.mitigation.name,
        "settings": run.mitigation.settings,
        "protocol": run.protocol.label,
    }
    return [
        {"seed": result.seed, **result.metrics, "diverged_at": result.diverged_at, **shared}
        for result in run.seeds
    ]
