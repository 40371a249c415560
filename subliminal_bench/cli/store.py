"""`store list`, `verify` and `prune`: what a store holds, whether it can, and making room."""

import json
from datetime import datetime
from typing import Annotated, Any

import typer

from subliminal_bench.cli.options import StoreOption, open_store
from subliminal_bench.errors import checked_form

_FORMATS = ("terminal", "json")

app = typer.Typer(
    help="Show what a store holds, check it, and make room.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_store(
    store: StoreOption = None,
    form: Annotated[str, typer.Option("--format", help="terminal or json.")] = "terminal",
) -> None:
    """List the runs in a store, the latest first."""
    from rich import filesize
    from rich.console import Console
    from rich.table import Table

    checked_form(form, _FORMATS)
    opened = open_store(store)
    rows = _rows(opened)
    if form == "json":
        print(json.dumps(rows, indent=1))
        return
    if not rows:
        print(f"{opened.root} holds no runs; subliminal-bench run NAME writes some")
        return
    table = Table(box=None, pad_edge=False)
    # A name is never cut: other commands accept it.
    table.add_column("name; settings", overflow="fold")
    for heading in ("protocol", "seeds", "last run", "size"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        when = row["last_run"].replace("T", " ")[:16]
        table.add_row(
            "\n".join([row["name"], *row["changed"]]),
            *(row["protocol"], row["seeds"], when, filesize.decimal(row["bytes"])),
        )
    Console(markup=False, highlight=False).print(table)


def _rows(store: Any) -> list[dict[str, Any]]:
    from subliminal_bench.experiment.seed_ranges import describe_seeds

    return [
        {
            "name": entry.path.name,
            "run": entry.header.mitigation.label,
            "settings": entry.header.mitigation.settings,
            "changed": entry.header.mitigation.changed_settings,
            "protocol": entry.header.protocol.label,
            "seeds": describe_seeds(entry.finished()),
            "last_run": datetime.fromtimestamp(entry.last_used).isoformat(timespec="seconds"),
            "bytes": sum(one.stat().st_size for one in entry.path.glob("[!.]*")),
            "isolated": entry.header.isolation is not None,
            "device": entry.header.environment.device_name,
            "torch": entry.header.environment.torch,
            "folder": str(entry.path),
        }
        for entry in sorted(store.entries(), key=lambda one: one.last_used, reverse=True)
        if entry.finished()
    ]


@app.command("verify")
def verify_store(
    store: StoreOption = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="Delete what is wrong; nothing else.")
    ] = False,
) -> None:
    """Find damaged and impossible results in a store.

    Exit code 1 if something is wrong and was not deleted.
    """
    from subliminal_bench.results.files import remove
    from subliminal_bench.results.self_check import find_faults

    opened = open_store(store)
    faults = list(find_faults(opened))
    for fault in faults:
        print(f"wrong: {fault.what}: {fault.why}")
        if clean:
            for path in fault.files:
                remove(path)
    if not faults:
        print(f"{opened.root}: nothing is wrong")
    elif clean:
        print(f"{len(faults)} deleted; the same run command computes them again")
    else:
        print(f"{len(faults)} found; --clean deletes exactly these")
        raise typer.Exit(1)


@app.command("prune")
def prune_store(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names in the store: all runs of that name; NAME:SETTING=VALUE or a folder's "
            "name for one of them.  [default: all runs]"
        ),
    ] = None,
    store: StoreOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Delete nothing; show what would be freed.")
    ] = False,
) -> None:
    """Delete the kept weights of students; nothing else.

    Metrics, curves and teachers stay, so no seed is trained again.
    """
    from rich import filesize

    from subliminal_bench.results.files import remove
    from subliminal_bench.results.lookup import find_folders

    opened = open_store(store)
    files, size = 0, 0
    for entry in find_folders(runs, None, opened) if runs else opened.entries():
        own = [(path, path.stat().st_size) for path in entry.weight_files()]
        if not own:
            continue
        freed = sum(length for _, length in own)
        print(f"{entry.path.name}: weights of {_students(len(own))}, {filesize.decimal(freed)}")
        for path, length in own:
            if not dry_run:
                remove(path)
            files, size = files + 1, size + length
    print(
        f"{'would free' if dry_run else 'freed'} {filesize.decimal(size)}: the weights of "
        f"{_students(files)}; metrics, curves and teachers stay"
    )


def _students(count: int) -> str:
    return "1 student" if count == 1 else f"{count} students"
