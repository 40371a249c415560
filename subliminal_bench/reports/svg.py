"""A matplotlib figure as an SVG inside a page, which follows the page's theme."""

import io
import re

from markupsafe import Markup, escape
from matplotlib.figure import Figure

from subliminal_bench.reports.style import COLOURS, drawing

# Settings without which the same figure would give different text.
_UNSAID = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def svg_document(figure: Figure, title: str) -> str:
    """The figure as a separate SVG file; the same figure gives the same text."""
    buffer = io.StringIO()
    with drawing():
        figure.savefig(buffer, format="svg", metadata={**_UNSAID, "Title": title})
    return buffer.getvalue()


def inline_svg(figure: Figure, slug: str, title: str, description: str) -> Markup:
    """The figure as an element of a page, with a text alternative.

    Colours become the page's CSS variables, so that they follow its theme, and the drawing
    takes the available width.

    Args:
        figure: drawn with the colours of `style`.
        slug: unique on the page; its identifiers begin with it.
        title: of the figure.
        description: of what it shows, in words.
    """
    text = svg_document(figure, title)
    text = text[text.index("<svg") :]
    # The title is written below, with an identifier.
    text = re.sub(r"<title>.*?</title>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{slug}-", text)
    # A tenth of a point is finer than any screen.
    text = re.sub(r"(?<=[ \"(,MLC-])(\d+\.\d)\d+", r"\1", text)
    for name, colour in COLOURS.items():
        text = text.replace(colour.light, f"var(--{name})")
    opening, content = text.split(">", 1)
    view = re.search(r'viewBox="[^"]*"', opening)
    assert view, "matplotlib writes a viewBox"
    return Markup(
        f'<svg {view[0]} xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-labelledby="{slug}-title" aria-describedby="{slug}-description">'
        f'<title id="{slug}-title">{escape(title)}</title>'
        f'<desc id="{slug}-description">{escape(description)}</desc>{content}'
    )
