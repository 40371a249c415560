"""`explain`: what a word of a scorecard or page means."""

import textwrap
from typing import Annotated

import typer


def explain(
    word: Annotated[list[str], typer.Argument(help="As on a scorecard, such as: aligned pre")],
) -> None:
    """Explain a word of a scorecard or page."""
    from subliminal_bench.reports import glossary

    for title, meaning in glossary.explain(" ".join(word)).items():
        print(textwrap.fill(f"{title}: {meaning}", 80, subsequent_indent="  "))
