"""The templates of all pages: text of strangers is escaped, and a missing name is an error."""

from collections.abc import Collection

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from subliminal_bench.reports.glossary import meaning
from subliminal_bench.reports.style import COLOURS, series


def page_templates(runs: Collection[str]) -> Environment:
    """The templates, with what all of them use.

    Args:
        runs: names that are a run's in a heading, and not a word of the glossary.
    """
    environment = Environment(
        loader=PackageLoader("subliminal_bench.reports", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def explained(heading: str) -> Markup:
        """An attribute that explains a heading where a pointer rests on it."""
        found = "" if heading in runs else meaning(heading)
        return Markup(' title="{}"').format(found) if found else Markup()

    environment.globals.update(series=series, explained=explained, colours=COLOURS)
    return environment
