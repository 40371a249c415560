"""`rescore`: complete seeds of earlier versions from their weights."""

from typing import TYPE_CHECKING, Annotated

import typer

from subliminal_bench.cli.options import DataOption, StoreOption, open_store

if TYPE_CHECKING:
    from subliminal_bench.running.rescore import Rescored


def rescore(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Names in the store: all runs of that name; NAME:SETTING=VALUE or a folder's "
            "name for one of them."
        ),
    ],
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="Only the runs under this protocol.")
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Also compute the readings of the other seeds, and show the largest change "
            "of each; nothing of these is written.",
        ),
    ] = False,
    data_dir: DataOption = None,
    store: StoreOption = None,
) -> None:
    """Compute from kept weights what seeds of earlier versions lack.

    Nothing is trained. Exit code 1 if a seed still lacks something, or a reading changed.
    """
    from rich.console import Console

    from subliminal_bench.results.lookup import find_folders
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.running.rescore import rescore_run

    opened = open_store(store)
    good = True
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        for folder in find_folders(runs, protocol, opened):
            found = rescore_run(folder, opened, data_dir, again, watcher)
            print("\n".join(_lines(found)), flush=True)
            good = good and found.good
    raise typer.Exit(0 if good else 1)


def _lines(found: "Rescored") -> list[str]:
    """What was found for one run, line by line."""
    from subliminal_bench.experiment.seed_ranges import describe_seeds, seeds_phrase

    said = [f"{seeds_phrase(found.completed)} completed"] if found.completed else []
    for why, seeds in found.refused.items():
        said.append(
            f"{seeds_phrase(seeds)} not completed: {why}; `subliminal-bench run` with "
            f"--seeds {describe_seeds(seeds)} computes them again"
        )
    if found.without_path:
        seeds = found.without_path
        said.append(
            f"{seeds_phrase(seeds)} still without plain distillation's path, which weights do "
            f"not tell; `subliminal-bench run` with --seeds {describe_seeds(seeds)} measures it"
        )
    for why, seeds in found.without_change.items():
        said.append(f"{seeds_phrase(seeds)} without the change of their weights: {why}")
    for why, seeds in found.unchecked.items():
        said.append(f"{seeds_phrase(seeds)} not computed again: {why}")
    if found.checked:
        moved = {name: change for name, change in found.changes.items() if change}
        same = len(found.changes) - len(moved)
        said.append(
            f"{seeds_phrase(found.checked)} computed again: {same} of {len(found.changes)} "
            "readings are the same bits"
        )
        said += [f"{name} changed by {change:.3g} at most" for name, change in moved.items()]
    return [f"{found.label}: {one}" for one in said or ["nothing is lacking"]]
