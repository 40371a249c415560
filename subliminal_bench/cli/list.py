"""`list`: show the protocols and mitigations that are installed."""

from subliminal_bench.errors import BenchmarkError


def list_mitigations() -> None:
    """List installed protocols and mitigations."""
    from rich.console import Console
    from rich.table import Table

    from subliminal_bench.experiment.protocol import PROTOCOLS
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
    console = Console(markup=False)
    console.print(protocols)
    console.print()
    console.print(table)
