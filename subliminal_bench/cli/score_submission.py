"""`score-submission`: run submitted sources and write what they are worth."""

from typing import Annotated

import typer

from subliminal_bench.cli.options import (
    DataOption,
    DeviceOption,
    IsolateMemoryOption,
    IsolateTimeoutOption,
    LeaderboardOption,
    SetOption,
    StoreOption,
    leaderboard_folder,
    open_store,
)


def score_submission(
    submissions: Annotated[
        list[str],
        typer.Argument(
            help="Folders that `submit` made, or names of this program's own plugins; they "
            "share one draw of fresh seeds."
        ),
    ],
    settings: SetOption = None,
    seeds: Annotated[
        str, typer.Option("--seeds", help="The published seeds, from 1 on.")
    ] = "1-20",
    fresh: Annotated[
        int, typer.Option("--fresh", min=5, help="How many fresh seeds to draw.")
    ] = 20,
    rehearse: Annotated[
        bool,
        typer.Option(
            "--rehearse", help="Do all of it under mnist-5k, and write nothing but the store."
        ),
    ] = False,
    form: Annotated[
        str, typer.Option("--format", help="Output format: terminal or markdown.")
    ] = "terminal",
    device: DeviceOption = "auto",
    data_dir: DataOption = None,
    folder: LeaderboardOption = None,
    store: StoreOption = None,
    isolate_timeout: IsolateTimeoutOption = None,
    isolate_memory: IsolateMemoryOption = None,
) -> None:
    """Run sources on published and on fresh seeds, test them, and write their rows.

    This is what a maintainer runs; a submitter's own numbers play no part. Exit code 0: all
    claims hold; 1: a claim is refuted.
    """
    from functools import partial
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from rich.console import Console

    from subliminal_bench import shipped
    from subliminal_bench.errors import checked_form
    from subliminal_bench.experiment.protocol import CANONICAL, MNIST_5K
    from subliminal_bench.experiment.seed_ranges import parse_seeds, seeds_phrase
    from subliminal_bench.reports import text
    from subliminal_bench.results.draws import draw_seeds, drawn
    from subliminal_bench.results.run import ProtocolRecord
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.running.setup import Setup
    from subliminal_bench.verification.submission import Scorer, loaded_sources, write_scored

    checked_form(form, ("terminal", "markdown"))
    # A line that stands for itself, in either format.
    bullet = "- " if form == "markdown" else ""
    root = shipped.folder("leaderboard") if rehearse else leaderboard_folder(folder)
    setup = Setup(
        protocol=MNIST_5K.name if rehearse else CANONICAL.name,
        device=device,
        store=open_store(store),
        data_dir=data_dir,
        isolate=True,
        isolate_timeout=isolate_timeout,
        isolate_memory=isolate_memory,
    )
    published = parse_seeds(seeds, setup.chosen_protocol)
    load = partial(setup.load, needs_sandbox=not rehearse)
    with TemporaryDirectory() as workplace:
        sources = loaded_sources(submissions, settings or [], load, Path(workplace))
        protocol = ProtocolRecord.of(setup.chosen_protocol)
        fixed = {one.label: one.digest for one in sources}
        name, draw = (
            ("", drawn(protocol, fixed, fresh))
            if rehearse
            else draw_seeds(root, protocol, fixed, fresh)
        )
        print(f"drawn: {seeds_phrase(draw.seeds)}", flush=True)
        refuted = False

        def say(line: str) -> None:
            print(f"{bullet}{line}", flush=True)

        with ConsoleWatcher(Console(stderr=True)) as watcher, setup.bench(watcher) as bench:
            scorer = Scorer(bench, root, published, draw, say)
            for source in sources:
                print(f"\n{source.label}, {len(draw.seeds)} fresh seeds:\n", flush=True)
                scored = scorer.scored(source)
                refuted = refuted or not all(claim.holds for claim in scored.claims)
                if bullet:
                    print()
                text.show(scored.card, form, False)
                if not rehearse:
                    for path in write_scored(bench, root, name, source, scored):
                        print(f"written: {path}")
    if not rehearse:
        print("now run: subliminal-bench leaderboard")
    raise typer.Exit(1 if refuted else 0)
