"""Options that commands share, and what they stand for."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from subliminal_bench.errors import ResultError

if TYPE_CHECKING:
    from subliminal_bench.mitigation.mitigation import Mitigation
    from subliminal_bench.results.store import Store
    from subliminal_bench.running.engine import Engine


def listed_entries(text: str) -> list[str]:
    """The names in a list joined by commas.

    Raises:
        ResultError: there is none, or one twice.

    >>> listed_entries("baseline, liminal")
    ['baseline', 'liminal']
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise ResultError(f"--entries {text!r}: name entries, each once, joined by commas")
    return names


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
EngineOption = Annotated[
    str,
    typer.Option("--engine", help="local (this process) or ray (the cluster of RAY_ADDRESS)."),
]
SeedsOption = Annotated[str, typer.Option("--seeds", help="Such as 1-10 or 1,3,5-7.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the mitigation."),
]
IsolateOption = Annotated[
    bool,
    typer.Option("--isolate", help="Run the mitigation in a process of its own, kept apart."),
]
IsolateTimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--isolate-timeout",
        min=0.001,
        help="Seconds that one call of a hook may take.  [default: 60]",
    ),
]
IsolateMemoryOption = Annotated[
    float | None,
    typer.Option(
        "--isolate-memory",
        min=0.5,
        help="Address space of that process, in GiB.  [default: 8; no limit on a GPU]",
    ),
]
FormOption = Annotated[str, typer.Option("--format", help="terminal, markdown or json.")]
LeaderboardOption = Annotated[
    Path | None,
    typer.Option(
        "--leaderboard",
        help="The leaderboard's folder.  [default: ./leaderboard, else this checkout's]",
    ),
]


def load_mitigation(
    spec: str,
    settings: list[str],
    isolate: bool,
    seconds: float | None,
    gibibytes: float | None,
    device: str,
) -> "Mitigation":
    """The mitigation, in this process or kept apart."""
    from subliminal_bench.errors import MitigationError
    from subliminal_bench.mitigation.mitigation import load_mitigation

    if isolate:
        from subliminal_bench.mitigation.isolation.confinement import Limits
        from subliminal_bench.mitigation.isolation.proxy import load_isolated
        from subliminal_bench.training.device import choose_device

        return load_isolated(
            spec, settings, Limits.of(choose_device(device).type, seconds, gibibytes)
        )
    if seconds is not None or gibibytes is not None:
        raise MitigationError("--isolate-timeout and --isolate-memory go with --isolate")
    return load_mitigation(spec, settings)


def open_store(folder: Path | None) -> "Store":
    """The store in the folder named, else in the default one."""
    from subliminal_bench.results.store import Store, store_folder

    return Store(store_folder(folder))


def open_engine(name: str) -> "AbstractContextManager[Engine]":
    """The engine of that name, to be left when all is trained.

    Raises:
        EngineError: an unknown name, or a cluster that is not there.
    """
    from subliminal_bench.errors import EngineError
    from subliminal_bench.running.cluster import ray_engine
    from subliminal_bench.running.engine import LocalEngine

    if name == "local":
        return nullcontext(LocalEngine())
    if name == "ray":
        return ray_engine.connected()
    raise EngineError(f"unknown engine {name!r}; choose local or ray")


def leaderboard_folder(folder: Path | None) -> Path:
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


def shown_leaderboard(folder: Path | None) -> Path:
    """The folder named, else the one to write to, else the one that ships, to read from."""
    from subliminal_bench import shipped

    if folder is None and not Path("leaderboard", "entries").is_dir():
        return shipped.folder("leaderboard")
    return leaderboard_folder(folder)


def target_file(out: Path, name: str) -> Path:
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
