"""`break`: read an entry's students with somebody's reader."""

from typing import TYPE_CHECKING, Annotated

import typer

from subliminal_bench.cli.options import (
    DataOption,
    DeviceOption,
    IsolateMemoryOption,
    IsolateOption,
    IsolateTimeoutOption,
    LeaderboardOption,
    SetOption,
    StoreOption,
    leaderboard_folder,
    open_store,
)
from subliminal_bench.errors import MitigationError, SeedsError

if TYPE_CHECKING:
    from subliminal_bench.reading.plugins.reader import Reader


def break_entry(
    entry: Annotated[
        str,
        typer.Argument(
            help="A mitigation as `run` takes it, NAME:SETTING=VALUE, a store folder's name, "
            "or the file of a run."
        ),
    ],
    reader: Annotated[
        str,
        typer.Argument(help="A reader: a name that `list` shows, a .py file or file.py:name."),
    ],
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds",
            help="Seeds to explore on; such a break does not count.  [default: fresh ones]",
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", min=2, max=900, help="How many fresh seeds to draw.")
    ] = 10,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol", help="mnist-5k or mnist.  [default: the run's, or mnist-5k]"
        ),
    ] = None,
    settings: SetOption = None,
    reader_settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set-reader",
            metavar="NAME=VALUE",
            help="Set a parameter of the reader; may be repeated.",
        ),
    ] = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
    data_dir: DataOption = None,
    folder: LeaderboardOption = None,
    isolate: IsolateOption = False,
    isolate_timeout: IsolateTimeoutOption = None,
    isolate_memory: IsolateMemoryOption = None,
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Record on the leaderboard what was found; implies --isolate.",
        ),
    ] = False,
) -> None:
    """Read an entry's students with a reader of your own.

    The reader always runs in a process of its own. It is compared with what it finds in the
    untrained model and in plain distillation that has distilled as far.
    """
    from rich.console import Console

    from subliminal_bench.experiment.seed_ranges import parse_seeds
    from subliminal_bench.mitigation.isolation.confinement import Limits
    from subliminal_bench.mitigation.mitigation import refuse_built_in_names
    from subliminal_bench.reading.plugins.isolated_reader import load_isolated_reader
    from subliminal_bench.reading.plugins.reader import refuse_built_in_reader_names
    from subliminal_bench.reports import breaking
    from subliminal_bench.results.breaks import refuse_known, write_break
    from subliminal_bench.running.break_records import break_record, reader_record
    from subliminal_bench.running.breaking import Attempt, fresh_seeds
    from subliminal_bench.running.named_entry import named_entry
    from subliminal_bench.running.progress import ConsoleWatcher
    from subliminal_bench.running.setup import Setup
    from subliminal_bench.scoring.breaking import judged

    if record and seeds is not None:
        raise SeedsError("--record needs fresh seeds: leave out --seeds")
    opened = open_store(store)
    named = named_entry(entry, opened)
    setup = Setup(
        protocol=named.chosen_protocol(protocol, "mnist-5k"),
        device=device,
        store=opened,
        data_dir=data_dir,
        isolate=isolate or record,
        isolate_timeout=isolate_timeout if isolate or record else None,
        isolate_memory=isolate_memory if isolate or record else None,
    )
    limits = Limits.of("cpu", isolate_timeout, isolate_memory)
    loaded_reader = load_isolated_reader(reader, reader_settings or [], limits)
    refuse_built_in_reader_names(loaded_reader)
    loaded = setup.load(named.spec, [*named.settings, *(settings or [])])
    named.check(loaded)
    refuse_built_in_names(loaded)
    explored = seeds is not None
    chosen = (
        fresh_seeds(setup.chosen_protocol, count)
        if seeds is None
        else parse_seeds(seeds, setup.chosen_protocol)
    )
    root = leaderboard_folder(folder) if record else None
    if root:
        _refuse_untold(loaded_reader)
        refuse_known(root, setup.chosen_protocol, loaded, reader_record(loaded_reader))
    with ConsoleWatcher(Console(stderr=True)) as watcher, setup.bench(watcher) as bench:
        attempt = Attempt.drawn(bench, loaded, loaded_reader, chosen)
        run, plain, found = attempt.run()
        environment = bench.environment
    one = judged(loaded_reader.name, found, loaded_reader.card.labels, explored, run, plain)
    label = run.mitigation.label
    print(breaking.text(loaded_reader.name, label, run.protocol.label, chosen, found, one))
    if root:
        path = write_break(root, break_record(attempt, run, one, environment))
        print(f"written: {path}; now run: subliminal-bench leaderboard")


def _refuse_untold(reader: "Reader") -> None:
    """Refuse to record a reader whose hash does not cover what it does."""
    if reader.untold:
        raise MitigationError(
            f"{reader.name}: {reader.untold}, may load what its source does not tell: a "
            "recorded reader is its source"
        )
