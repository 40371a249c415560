"""Names that a reader could take for one another."""

import re

# In common fonts. Case is gone before, so that these stand for their capitals too.
_SAME = str.maketrans({"i": "l", "1": "l", "0": "o"})
_PAIRS = (("rn", "m"), ("vv", "w"))
_SEPARATORS = re.compile(r"[-_.]+")
_BETWEEN_LETTERS = re.compile(r"(?<=[a-z])[-_.]+(?=[a-z])")
_VERSION = re.compile(r"[-_.]*(v|version)?[-_.]*[0-9]+([-_.][0-9]+)*$", re.IGNORECASE)


def looks_of(name: str) -> str:
    """What a reader sees of a name, roughly; names with the same looks are look-alikes.

    Args:
        name: of a mitigation: ASCII letters, digits, `.`, `_`, `-` and `+`.

    >>> looks_of("Iiminal") == looks_of("liminal"), looks_of("a-b") == looks_of("A_B")
    (True, True)
    >>> looks_of("idea-1") == looks_of("idea-2"), looks_of("frozen") == looks_of("baseline")
    (False, False)
    """
    seen = _BETWEEN_LETTERS.sub("", name.lower().translate(_SAME))
    for pair, single in _PAIRS:
        seen = seen.replace(pair, single)
    return _SEPARATORS.sub("-", seen).strip("-")


def without_version(name: str) -> str:
    """A name without a number at its end; a reader takes the rest for a newer version of it.

    >>> without_version("liminal-v2"), without_version("liminal2"), without_version("liminal")
    ('liminal', 'liminal', 'liminal')
    """
    return _VERSION.sub("", name) or name
