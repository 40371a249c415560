"""Options that commands share, and the folders and files that they name."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from subliminal_bench.results.store import Store


MitigationArgument = Annotated[
    str,
    typer.Argument(
        help="A name that `list` shows, a .py file, file.py:attribute or module:attribute; "
        "several joined by + are applied in that order."
    ),
]
RunArgument = Annotated[
    str,
    typer.Argument(
        help="A mitigation's name (in the store or on the leaderboard; NAME:SETTING=VALUE "
        "selects a run with other settings), a store folder's name, or the file of a run."
    ),
]
RunsArgument = Annotated[
    list[str],
    typer.Argument(help="Names in the store or on the leaderboard, or files of runs."),
]
ProtocolOption = Annotated[
    str,
    typer.Option(
        "--protocol",
        help="mnist-5k (small, installed with the package), mnist (the paper's; downloads "
        "MNIST), probe (a few steps, for checks) or a track that `list` shows.",
    ),
]
TrackOption = Annotated[
    str | None,
    typer.Option(
        "--track",
        metavar="NAMES",
        help="Run on several tracks, with one setting: robust (the robust set) or protocols' "
        "names with commas; instead of --protocol.",
    ),
]
FinishedTracksOption = Annotated[
    str | None,
    typer.Option(
        "--track",
        metavar="NAMES",
        help="Also show finished runs on several tracks, with one setting: robust (the robust "
        "set) or protocols' names with commas.",
    ),
]
RunProtocolOption = Annotated[
    str | None,
    typer.Option("--protocol", help="Required if a name has runs under several protocols."),
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
        help="Folder that contains MNIST/raw or FashionMNIST/raw; several as in PATH.  "
        "[default: $SUBLIMINAL_BENCH_DATA, else a cache folder, filled by a download]",
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="Where to train: auto, cpu or cuda.")
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", help="local (this process) or ray (a ray cluster; see RAY_ADDRESS)."
    ),
]
SeedsOption = Annotated[
    str, typer.Option("--seeds", help="Seeds to run, such as 1-10 or 1,3,5-7.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Set a parameter of the mitigation; may be repeated.",
    ),
]
MeasureEveryOption = Annotated[
    int,
    typer.Option(
        "--measure-every",
        metavar="STEPS",
        help="Measure the alignment only at every so many steps: the same students in less "
        "time. Such results are kept apart.",
    ),
]
NoWeightsOption = Annotated[
    bool, typer.Option("--no-weights", help="Keep no weights of the students in the store.")
]
IsolateOption = Annotated[
    bool,
    typer.Option("--isolate", help="Isolate the mitigation in its own process."),
]
IsolateTimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--isolate-timeout",
        help="Seconds that one hook call may take, with --isolate.  [default: 60]",
    ),
]
IsolateMemoryOption = Annotated[
    float | None,
    typer.Option(
        "--isolate-memory",
        help="Address space of that process in GiB, with --isolate.  [default: 8; no limit "
        "on a GPU]",
    ),
]
FormOption = Annotated[
    str, typer.Option("--format", help="Output format: terminal, markdown or json.")
]
LeaderboardOption = Annotated[
    Path | None,
    typer.Option(
        "--leaderboard",
        help="The leaderboard's folder.  [default: ./leaderboard, else this checkout's]",
    ),
]


def open_store(folder: Path | None) -> "Store":
    """The store in the named folder, else in the default one."""
    from subliminal_bench.results.store import Store, store_folder

    return Store(store_folder(folder))


def leaderboard_folder(folder: Path | None) -> Path:
    """The named folder, or the folder of the checkout that this runs from."""
    from subliminal_bench import shipped
    from subliminal_bench.errors import ResultError

    here = Path("leaderboard")
    if folder is None and (here / "entries").is_dir():
        folder = here
    if folder is None and not shipped.is_checkout():
        raise ResultError(
            "no leaderboard/entries here, and the package does not run from a checkout: name "
            "the leaderboard's folder with --leaderboard DIR"
        )
    found = folder or shipped.folder("leaderboard")
    if not found.is_dir():
        raise ResultError(f"no such folder: {found}")
    return found


def shown_leaderboard(folder: Path | None) -> Path:
    """The named folder, else the writable one, else the one that ships with the package."""
    from subliminal_bench import shipped

    if folder is None and not Path("leaderboard", "entries").is_dir():
        return shipped.folder("leaderboard")
    return leaderboard_folder(folder)


def target_file(out: Path, name: str) -> Path:
    """The file that `--out` means: itself, or NAME.json in the folder.

    Checked before anything is trained.
    """
    from subliminal_bench.errors import ResultError

    if out.suffix not in ("", ".json") and not out.exists():
        raise ResultError(
            f"--out {out} is neither a .json file nor a folder: a run is written as JSON"
        )
    target = out if out.suffix == ".json" and not out.is_dir() else out / f"{name}.json"
    folder = next(parent for parent in target.parents if parent.exists())
    if not folder.is_dir() or target.is_dir():
        raise ResultError(
            f"--out {out}: {folder if not folder.is_dir() else target} is in the way"
        )
    if not os.access(folder, os.W_OK):
        raise ResultError(f"--out {out}: {folder} cannot be written to")
    return target
