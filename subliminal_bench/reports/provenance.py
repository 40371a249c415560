"""Where the numbers on a page come from."""

from collections.abc import Sequence

from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.reports.tables import Table, blindness_of, commit_of, process_of
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.scorecard import Scorecard


def provenance(cards: Sequence[Scorecard]) -> Table:
    """The origin of every run on the page, one column per run."""
    runs: list[tuple[Run, Sequence[int]]] = []
    for card in cards:
        runs += [(run, card.seeds) for run in card.all_runs if run not in [r for r, _ in runs]]
    columns = [_origin(run, seeds) for run, seeds in runs]
    return Table(
        ["what", *(run.mitigation.label for run, _ in runs)],
        [[what, *(column[what] for column in columns)] for what in columns[0]],
    )


def _origin(run: Run, seeds: Sequence[int]) -> dict[str, str]:
    mitigation, environment = run.mitigation, run.environment
    settings = ", ".join(f"{name}={value}" for name, value in mitigation.settings.items())
    return {
        "title": mitigation.title,
        "access": mitigation.access,
        "blindness": blindness_of(run),
        "ran": process_of(run),
        "seeds": describe_seeds(seeds),
        "settings": settings or "–",
        "source, SHA-256": mitigation.source_sha256[:12],
        "reference": mitigation.reference or "–",
        "device": f"{environment.device_name} ({environment.device}, {environment.platform})",
        "torch": environment.torch,
        "numpy": environment.numpy,
        "python": environment.python,
        "subliminal-bench": f"{environment.subliminal_bench}, engine {environment.engine}",
        "commit": commit_of(run),
    }
