"""Characters that a reader does not see, although they change what is shown around them.

Names, settings and titles appear in terminals, in markdown, on pages and in files. What authors
write must not contain such characters; what is only reported, such as a path, gets escapes for
them.
"""

import re
import unicodedata
from collections.abc import Iterator

# Control characters, format characters (some turn the direction of text, others take no room),
# lone surrogates (bytes that are not UTF-8), and separators of lines and of paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# What Unicode calls ignorable by default: letters, marks and places for later characters that
# take no room. With them, two texts that look the same can differ, or one can hide another.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0"
    "\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    # A letter of Braille without dots, and what is no character at all.
    "|[\u2800\ufdd0-\ufdef\ufffe\uffff]"
)
# They choose between the two looks of an emoji, and are seen as that.
_SELECTORS = "\ufe0e\ufe0f"
_MARKS = frozenset({"Mn", "Me"})
# Marks stand above one another; with more of them, they reach into the lines around.
_MOST_MARKS = 4
_LINE_BREAK = re.compile("\\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\\s*")


def unseen_character(text: str) -> str | None:
    """The code point of the first such character; None if there is none.

    >>> unseen_character("50 % \N{MULTIPLICATION SIGN} é"), unseen_character("a\\u202eb")
    (None, 'U+202E')
    """
    place = next(_unseen_places(text), None)
    return None if place is None else f"U+{ord(text[place]):04X}"


def printable(text: str) -> str:
    r"""The text on one line, with escapes for such characters.

    >>> printable("two\nlines"), printable("\x1b[31mred")
    ('two lines', '\\x1b[31mred')
    """
    line = _LINE_BREAK.sub(" ", text.strip())
    escaped = set(_unseen_places(line))
    if not escaped:
        return line
    return "".join(
        one.encode("unicode_escape").decode("ascii") if place in escaped else one
        for place, one in enumerate(line)
    )


def brief(value: object) -> str:
    """A value as Python writes it, cut after 100 letters; for what is wrong with it.

    >>> brief("a b"), len(brief("x" * 1000))
    ("'a b'", 100)
    """
    try:
        written = repr(value)
    except Exception:
        # A number of thousands of digits, or an object of the user that does not show itself.
        written = f"<{type(value).__name__}>"
    return printable(written[:100])


def _unseen_places(text: str) -> Iterator[int]:
    """Where such characters are, ascending."""
    if text.isascii() and text.isprintable():
        return
    # As if something stood before it, because a mark at the start would be put on that.
    marks, before = _MOST_MARKS, ""
    for place, one in enumerate(text):
        category = unicodedata.category(one)
        if one in _SELECTORS and before not in ("", *_SELECTORS):
            before = one
            continue
        is_mark = category in _MARKS
        marks = marks + 1 if is_mark else 0
        if category in _UNSEEN or _IGNORABLE.match(one) or (is_mark and marks > _MOST_MARKS):
            yield place
        before = one
