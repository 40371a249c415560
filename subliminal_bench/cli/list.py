"""`list`: show the protocols, mitigations and readers that are installed."""

from typing import TYPE_CHECKING

from subliminal_bench.errors import BenchmarkError

if TYPE_CHECKING:
    from rich.table import Table


def list_mitigations() -> None:
    """List installed protocols, mitigations and readers."""
    from rich.console import Console
    from rich.table import Table

    from subliminal_bench.experiment.tracks import PROTOCOLS, ROBUST, ROBUST_NAME
    from subliminal_bench.mitigation.builtin import built_in_names
    from subliminal_bench.mitigation.loading import installed_names
    from subliminal_bench.mitigation.mitigation import load_mitigation

    table = Table(box=None, pad_edge=False)
    # A name is never cut: users copy it.
    table.add_column("mitigation", overflow="fold", no_wrap=True)
    table.add_column("access", no_wrap=True)
    table.add_column("about; hooks; parameters")
    for name in [*built_in_names(), *installed_names()]:
        try:
            (plugin,) = load_mitigation(name).plugins
        except BenchmarkError as error:
            # One broken package must not hide all the others.
            table.add_row(name, "-", f"cannot be loaded: {error}")
            continue
        settings = " ".join(f"{key}={value}" for key, value in plugin.settings.items())
        details = "; ".join(filter(None, (", ".join(plugin.hooks), settings)))
        about = "\n".join(filter(None, (plugin.card.title, details)))
        table.add_row(name, plugin.card.access, about)
    protocols = Table("protocol", "about", box=None, pad_edge=False)
    for protocol in PROTOCOLS.values():
        protocols.add_row(protocol.name, protocol.about)
    names = ", ".join(track.name for track in ROBUST)
    protocols.add_row(ROBUST_NAME, f"the robust set, for --track: {names}")
    console = Console(markup=False)
    console.print(protocols)
    console.print()
    console.print(table)
    console.print()
    console.print(_readers())


def _readers() -> "Table":
    """A row for each reader."""
    from rich.table import Table

    from subliminal_bench.mitigation.builtin import READER, built_in_names
    from subliminal_bench.mitigation.loading import installed_names
    from subliminal_bench.reading.plugins.reader import load_reader

    table = Table(box=None, pad_edge=False)
    table.add_column("reader", overflow="fold", no_wrap=True)
    table.add_column("shown; about; parameters")
    for name in [*built_in_names(READER), *installed_names(READER)]:
        try:
            reader = load_reader(name)
        except BenchmarkError as error:
            table.add_row(name, f"cannot be loaded: {error}")
            continue
        card = reader.card
        shown = ", ".join([*card.renderings, *(["labels"] if card.labels else [])])
        settings = " ".join(f"{key}={value}" for key, value in reader.settings.items())
        about = "\n".join(filter(None, (f"{shown}: {card.title}", card.method, settings)))
        table.add_row(name, about)
    return table
