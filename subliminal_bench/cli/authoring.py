"""Writing a mitigation: a start, the rules, and what others there are."""

from pathlib import Path
from typing import Annotated

import typer

from subliminal_bench.cli.options import SetOption
from subliminal_bench.errors import BenchmarkError


def new(
    name: Annotated[
        str, typer.Argument(help="Of the mitigation and its file, such as my_idea.")
    ],
    folder: Annotated[Path, typer.Option("--folder", help="Where to write it.")] = Path(),
) -> None:
    """Write a working mitigation and its test, to start from."""
    from subliminal_bench.conformance.starter import write_starter

    file, test = write_starter(name, folder)
    print(f"written: {file}\nwritten: {test}\n")
    print(
        f"next:  subliminal-bench check {file}\n"
        f"       subliminal-bench run {file} --seeds 1-7\n"
        f"       pytest {test}"
    )


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
    from subliminal_bench import conformance
    from subliminal_bench.cli.check import expected_failures
    from subliminal_bench.conformance import text
    from subliminal_bench.conformance.overhead import measure_overhead
    from subliminal_bench.mitigation.mitigation import load_mitigation

    chosen = only.split(",") if only is not None else list(conformance.CHECKS)
    expected = expected_failures(expect or [])
    results = []
    for result in conformance.check(mitigation, settings or [], chosen, expected):
        print(text.line(result), flush=True)
        results.append(result)
    good = all(result.good for result in results)
    if good and only is None:
        cost = measure_overhead(load_mitigation(mitigation, settings or []))
        print(f"\noverhead: {cost.text}")
    print(f"\n{text.summary(results)}")
    raise typer.Exit(0 if good else 1)


def list_mitigations() -> None:
    """List the protocols and the mitigations that are installed."""
    from rich.console import Console
    from rich.table import Table

    from subliminal_bench.experiment.protocol import PROTOCOLS
    from subliminal_bench.mitigation import loading
    from subliminal_bench.mitigation.builtin import built_in_names
    from subliminal_bench.mitigation.mitigation import load_mitigation

    table = Table("mitigation", "access", "hooks", "parameters", box=None, pad_edge=False)
    for name in [*built_in_names(), *loading.installed_names()]:
        try:
            (plugin,) = load_mitigation(name).plugins
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
