"""Text of authors in markdown."""

import re

# Also a bracket that would turn the words before it into a link.
_MARKS = re.compile(r"([\\`*_<>|#]|\](?=[(\[]))")


def literal(text: str) -> str:
    r"""The text as one line, escaped so that markdown and HTML show it as it is.

    >>> literal("a|b <c> [d](e)"), literal("trait accuracy [%]")
    ('a\\|b \\<c\\> [d\\](e)', 'trait accuracy [%]')
    """
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
