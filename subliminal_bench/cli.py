"""The command line. Everything heavy is imported inside the commands: `--help` is instant."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.reference_names import REFERENCES

if TYPE_CHECKING:
    from subliminal_bench.store import Store

_INTERRUPTED = 130

app = typer.Typer(
    name="subliminal-bench",
    help="A benchmark and regression suite for mitigations of subliminal learning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ProtocolOption = Annotated[
    str, typer.Option("--protocol", help="mnist-5k (embedded), mnist (canonical) or probe.")
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="Folder of results.  [default: $SUBLIMINAL_BENCH_STORE, else subliminal-results]",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Folder with MNIST/raw.  [default: $SUBLIMINAL_BENCH_DATA, else a cache folder, "
        "filled by a download]",
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
SeedsOption = Annotated[str, typer.Option("--seeds", help="Such as 1-10 or 1,3,5-7.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the mitigation."),
]


FormOption = Annotated[str, typer.Option("--format", help="terminal, markdown or json.")]
LeaderboardOption = Annotated[
    Path | None,
    typer.Option(
        "--leaderboard",
        help="The leaderboard's folder.  [default: ./leaderboard, else this checkout's]",
    ),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        from subliminal_bench import __version__

        print(f"subliminal-bench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """A benchmark and regression suite for mitigations of subliminal learning."""


@app.command()
def run(
    mitigation: Annotated[
        str,
        typer.Argument(help="A name that `list` shows, a .py file, or module:attribute."),
    ],
    protocol: ProtocolOption = "mnist-5k",
    seeds: SeedsOption = "1-10",
    device: DeviceOption = "auto",
    data_dir: DataOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Also write the run to this .json file, or into this folder."
        ),
    ] = None,
    settings: SetOption = None,
    store: StoreOption = None,
    rerun_references: Annotated[
        bool,
        typer.Option(
            "--rerun-references", help="Run the references here, also where entries have them."
        ),
    ] = False,
    form: FormOption = "terminal",
) -> None:
    """Run a mitigation and score it against the references on the same seeds."""
    from rich.console import Console

    from subliminal_bench import device as devices
    from subliminal_bench import mitigations, references, results, scorecard, scorecard_text
    from subliminal_bench import protocol as protocols
    from subliminal_bench import seeds as seed_text
    from subliminal_bench.benchmark import Bench
    from subliminal_bench.progress import ConsoleWatcher

    scorecard_text.checked_format(form)
    chosen = protocols.get(protocol)
    entry = mitigations.load(mitigation, settings or [])
    wanted = seed_text.parse(seeds, chosen)
    where = devices.choose(device)
    target = _target(out, entry.name) if out else None
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        bench = Bench(chosen, where, _store(store), data_dir, watcher)
        found = references.run_with(bench, entry, wanted, rerun=rerun_references)
    scorecard_text.show(scorecard.build(*found), form)
    if target:
        results.write_run(target, found[0])
        # Other formats may be piped into a program that reads them.
        print(f"written: {target}", file=sys.stdout if form == "terminal" else sys.stderr)


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(help="Of the mitigation and its file, such as my_idea.")
    ],
    folder: Annotated[Path, typer.Option("--folder", help="Where to write it.")] = Path(),
) -> None:
    """Write a working mitigation and its test, to start from."""
    from subliminal_bench import new_mitigation

    file, test = new_mitigation.write(name, folder)
    print(f"written: {file}\nwritten: {test}\n")
    print(
        f"next:  subliminal-bench check {file}\n"
        f"       subliminal-bench run {file} --seeds 1-7\n"
        f"       pytest {test}"
    )


@app.command()
def check(
    mitigation: Annotated[
        str,
        typer.Argument(help="A name that `list` shows, a .py file, or module:attribute."),
    ],
    settings: SetOption = None,
    only: Annotated[
        str | None, typer.Option("--only", help="Names of checks, joined by commas.")
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect", metavar="CHECK=REASON", help="Declare that a check fails, and why."
        ),
    ] = None,
) -> None:
    """Check that a mitigation keeps the rules; exit code 1 where it does not."""
    from subliminal_bench import conformance, conformance_text, mitigations
    from subliminal_bench.conformance import overhead

    chosen = only.split(",") if only else list(conformance.CHECKS)
    expected = conformance_text.expectations(expect or [])
    results = []
    for result in conformance.check(mitigation, settings or [], chosen, expected):
        print(conformance_text.line(result), flush=True)
        results.append(result)
    good = all(result.good for result in results)
    if good and only is None:
        cost = overhead.measure(mitigations.load(mitigation, settings or []))
        print(f"\noverhead: {cost.text}")
    print(f"\n{conformance_text.summary(results)}")
    raise typer.Exit(0 if good else 1)


@app.command(name="list")
def list_mitigations() -> None:
    """List the protocols and the mitigations that are installed."""
    from rich.console import Console
    from rich.table import Table

    from subliminal_bench import loading, mitigations
    from subliminal_bench.protocol import PROTOCOLS

    table = Table("mitigation", "access", "hooks", "parameters", box=None, pad_edge=False)
    for name in [*loading.built_in_names(), *loading.installed_names()]:
        try:
            (plugin,) = mitigations.load(name).plugins
        except BenchmarkError as error:
            # One broken package must not hide all the others.
            table.add_row(name, "-", f"cannot be loaded: {error}", "")
            continue
        settings = " ".join(f"{key}={value}" for key, value in plugin.settings.items())
        table.add_row(name, plugin.card.access, " ".join(plugin.hooks) or "-", settings or "-")
    protocols = Table("protocol", "about", box=None, pad_edge=False)
    for protocol in PROTOCOLS.values():
        protocols.add_row(protocol.name, protocol.about)
    console = Console(markup=False)
    console.print(protocols)
    console.print()
    console.print(table)


@app.command()
def export(
    entry: Annotated[
        str, typer.Argument(help="A name in the store, or the path of a run's or entry's file.")
    ],
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="Needed where the store has it under both.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write.  [default: standard output]")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    store: StoreOption = None,
) -> None:
    """Write a run's metrics, one row a seed."""
    from subliminal_bench import export as exports
    from subliminal_bench import finding, results

    text = exports.render(finding.find(entry, protocol, _store(store)), form)
    if out is None:
        sys.stdout.write(text)
    else:
        results.write_atomically(out, text.encode())


@app.command()
def compare(
    entries: Annotated[
        list[str], typer.Argument(help="Two or more names in the store, or files of runs.")
    ],
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="Needed where the store has them under both."),
    ] = None,
    form: FormOption = "terminal",
    store: StoreOption = None,
) -> None:
    """Hold runs against each other, pair by pair, on the seeds that all of them have."""
    from subliminal_bench import finding, scorecard, scorecard_text

    found, committed = finding.find_all(entries, protocol, _store(store))
    scorecard_text.show(scorecard.side_by_side(found, committed), form)


@app.command()
def submit(
    entry: Annotated[str, typer.Argument(help="A name in the store, or the file of a run.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over an entry of the same name.")
    ] = False,
    folder: LeaderboardOption = None,
    store: StoreOption = None,
) -> None:
    """Make a finished run of the canonical protocol an entry of the leaderboard."""
    from subliminal_bench import finding, submission
    from subliminal_bench.protocol import MNIST

    found = finding.find(entry, MNIST.name, _store(store))
    path = submission.submit(found, _leaderboard(folder) / "entries", replace)
    print(f"written: {path}; now run: subliminal-bench leaderboard")


@app.command()
def leaderboard(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where the page is stale.")
    ] = False,
    folder: LeaderboardOption = None,
) -> None:
    """Write the leaderboard's page from its entries."""
    from subliminal_bench import entries, leaderboard_page, results
    from subliminal_bench.leaderboard import rank

    root = _leaderboard(folder)
    page = root / "README.md"
    text = leaderboard_page.render(rank(entries.read(root / "entries")))
    if not check:
        results.write_atomically(page, text.encode())
        print(f"written: {page}")
    elif not page.is_file() or page.read_text(encoding="utf-8") != text:
        print(f"stale: {page} does not show its entries: run subliminal-bench leaderboard")
        raise typer.Exit(1)
    else:
        print(f"fresh: {page}")


@app.command()
def regress(
    protocol: ProtocolOption = "mnist-5k",
    entries: Annotated[
        str, typer.Option("--entries", help="Entries to rerun, joined by commas.")
    ] = ",".join(REFERENCES),
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds", help="Seeds to rerun.  [default: 1-3; all when numbers are renewed]"
        ),
    ] = None,
    device: DeviceOption = "auto",
    data_dir: DataOption = None,
    folder: LeaderboardOption = None,
    table: Annotated[
        bool, typer.Option("--table", help="Show every metric's change and tolerance.")
    ] = False,
    update_reference: Annotated[
        bool,
        typer.Option(
            "--update-reference",
            help="Show old numbers against new ones, and write the new ones. Never in CI.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write new reference numbers without asking.")
    ] = False,
) -> None:
    """Rerun seeds of the references and hold them to their committed numbers.

    Exit code 0: passed; 1: regressed; 3: new, no reference numbers yet; 4: no baseline file;
    5: the numbers are of another protocol version.
    """
    from rich.console import Console

    from subliminal_bench import device as devices
    from subliminal_bench import protocol as protocols
    from subliminal_bench import regression, regression_text, rerun
    from subliminal_bench import seeds as seed_text
    from subliminal_bench.progress import ConsoleWatcher

    if update_reference:
        rerun.refuse_in_ci()
    chosen = protocols.get(protocol)
    names = regression.listed_entries(entries)
    wanted = seed_text.parse(seeds, chosen) if seeds else None
    where, root = devices.choose(device), _leaderboard(folder)
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        place = rerun.Place(chosen, root, where, data_dir, watcher)
        if update_reference:
            renewed = rerun.updates(place, names, wanted)
        else:
            findings = place.regress(names, wanted or regression.DEFAULT_SEEDS)
    if not update_reference:
        for finding in findings:
            print(regression_text.line(finding, table))
        raise typer.Exit(int(regression.gravest(findings)))
    for update in renewed:
        print(regression_text.update(update))
    if yes or typer.confirm(f"Write {len(renewed)} file(s)?"):
        for update in renewed:
            update.write()
            print(f"written: {update.path}")
    else:
        print("nothing was written")


def _leaderboard(folder: Path | None) -> Path:
    """The folder named, or the one of the checkout that this runs from."""
    from subliminal_bench import shipped
    from subliminal_bench.errors import ResultError

    here = Path("leaderboard")
    if folder is None and (here / "entries").is_dir():
        folder = here
    if folder is None and not shipped.is_checkout():
        raise ResultError(
            "no leaderboard/entries here, and an installed package keeps none: name the "
            "leaderboard's folder with --leaderboard DIR"
        )
    found = folder or shipped.folder("leaderboard")
    if not found.is_dir():
        raise ResultError(f"no such folder: {found}")
    return found


def _store(folder: Path | None) -> "Store":
    from subliminal_bench.store import Store, chosen_folder

    return Store(chosen_folder(folder))


def _target(out: Path, name: str) -> Path:
    """The file that `--out` means: itself, or NAME.json in the folder.

    Checked before anything is trained.
    """
    from subliminal_bench.errors import ResultError

    target = out if out.suffix == ".json" and not out.is_dir() else out / f"{name}.json"
    folder = next(parent for parent in target.parents if parent.exists())
    if not folder.is_dir() or target.is_dir():
        raise ResultError(
            f"--out {out}: {folder if not folder.is_dir() else target} is in the way"
        )
    if not os.access(folder, os.W_OK):
        raise ResultError(f"--out {out}: {folder} cannot be written to")
    return target


def main() -> None:
    """Run the command line; a user's mistake is one line and exit code 2."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"] or ["--help"]
    try:
        code = app(arguments, prog_name="subliminal-bench", standalone_mode=False)
    except (BenchmarkError, TyperException) as error:
        if debug:
            raise
        said = error.format_message() if isinstance(error, TyperException) else str(error)
        sys.exit(_failed(said, 2))
    # typer has turned an interruption into its exit code.
    if code == _INTERRUPTED:
        _failed("interrupted; finished seeds are kept, and the same command goes on", code)
    sys.exit(code or 0)


def _failed(message: str, code: int) -> int:
    """Print one line that says what is wrong, and pass the exit code on."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code
