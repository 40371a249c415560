"""Text of authors in markdown."""

import re

# What starts or ends code, emphasis, an element, a cell, a heading, or an entity; a bracket
# that would turn the words before it into a link, or name one.
_MARKS = re.compile(r"([\\`*_<>|#~]|\](?=[(\[:])|&(?=[#A-Za-z]))")
# At the start of a line: a list, its boxes, a rule, a quotation, the name of a link.
_STARTS = re.compile(r"^([-+](?=\s|$)|[-=](?=[-=\s]*$)|\[|[0-9]+(?=[.)](\s|$)))")
# What GitHub takes for a mention, a reference or a link, or turns into a picture, wherever it
# finds it in what is shown; escapes do not help. A character without width breaks it.
_LIVE = re.compile(
    r"@|://|(?i:www\.|mailto:|xmpp:)|(?<=#)(?=[0-9])|(?i:gh-)(?=[0-9])|:(?=[a-z0-9_+-]+:)"
)
_BREAK = "\u200b"


def literal(text: str) -> str:
    r"""The text as one line, escaped so that markdown and HTML show it as it is.

    Mentions, references and addresses get a character without width, so that none is a link.

    >>> literal("a|b <c> [d](e)"), literal("trait accuracy [%]")
    ('a\\|b \\<c\\> [d\\](e)', 'trait accuracy [%]')
    >>> literal("@somebody")
    '@\u200bsomebody'
    """
    line = " ".join(text.split())
    broken = _LIVE.sub(lambda found: _broken(found[0]), line)
    escaped = _MARKS.sub(r"\\\1", broken).replace("$", "&#36;")
    start = _STARTS.match(escaped)
    if start is None:
        return escaped
    # A number is a list's only with what follows it, which is escaped in its place.
    rest = escaped[start.end() :]
    return f"{start[0]}\\{rest}" if start[0].isdigit() else f"\\{escaped}"


def _broken(live: str) -> str:
    """What would be live, with the character after its first letter."""
    return f"{live[:1]}{_BREAK}{live[1:]}"
