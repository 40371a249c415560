"""Where a run's numbers come from, as the pages say it."""

from subliminal_bench.results.run import Run


def blindness(run: Run) -> str:
    """Whether its mitigation was shown to be blind, where its card says that it is."""
    if run.mitigation.access != "blind":
        return "not declared"
    found = run.blindness
    if found is None:
        return "not shown"
    return f"{'shown' if found.shown else 'refuted'}, seed {found.seed}"


def process(run: Run) -> str:
    """Whether its mitigation was kept apart from what measured it."""
    return run.isolation.text if run.isolation else "in the trainer's process"


def commit(run: Run) -> str:
    """The commit of the checkout that it ran from."""
    environment = run.environment
    if environment.commit is None:
        return "installed"
    return environment.commit[:10] + (" (changed)" if environment.dirty else "")
