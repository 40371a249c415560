"""`compare`: finished runs, pair by pair."""

from subliminal_bench.cli.options import (
    FormOption,
    RunProtocolOption,
    RunsArgument,
    StoreOption,
    open_store,
)


def compare(
    entries: RunsArgument,
    protocol: RunProtocolOption = None,
    form: FormOption = "terminal",
    store: StoreOption = None,
) -> None:
    """Compare finished runs, pair by pair.

    The comparison uses the seeds that all runs have.
    """
    from subliminal_bench.reports import text
    from subliminal_bench.results.lookup import find_runs
    from subliminal_bench.scoring.scorecard import side_by_side

    found, committed = find_runs(entries, protocol, open_store(store))
    text.show(side_by_side(found, committed), form)
