"""Characters that a reader does not see, although they change what is shown around them.

Names, settings and titles appear in terminals, in markdown, on pages and in files. What authors
write must not contain such characters; what is only reported, such as a path, gets escapes for
them.
"""

import re
import unicodedata

# Control characters, format characters (some turn the direction of text, others take no room),
# lone surrogates (bytes that are not UTF-8), and separators of lines and of paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LINE_BREAK = re.compile("\\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\\s*")


def unseen_character(text: str) -> str | None:
    """The code point of the first such character; None if there is none.

    >>> unseen_character("50 % \N{MULTIPLICATION SIGN} é"), unseen_character("a\\u202eb")
    (None, 'U+202E')
    """
    found = next(filter(_is_unseen, text), None)
    return None if found is None else f"U+{ord(found):04X}"


def printable(text: str) -> str:
    r"""The text on one line, with escapes for such characters.

    >>> printable("two\nlines"), printable("\x1b[31mred")
    ('two lines', '\\x1b[31mred')
    """
    line = _LINE_BREAK.sub(" ", text.strip())
    return "".join(
        one.encode("unicode_escape").decode("ascii") if _is_unseen(one) else one for one in line
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


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN
