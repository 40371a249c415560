"""Text and source code from a stranger: what a reader sees is what runs."""

import io
import tokenize
import unicodedata
from pathlib import Path

from subliminal_bench.errors import ResultError
from subliminal_bench.printable import brief, unseen_character

# Whoever reads a file sees no more of a line; behind it, code would be hidden.
_LONGEST_LINE = 400
# Letters of other scripts that look like Latin ones, in small and in capitals.
_LIKE_LATIN = frozenset(
    # Cyrillic.
    "асԁеһіјӏорԛѕԝхуѵАВЕЅІЈКМНОРԚСТԜХУ"
    # Greek.
    "αγικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
)


def check_text(content: bytes, path: Path) -> str:
    """The text of a file.

    Args:
        content: of the file.
        path: of the file, for the error.

    Raises:
        ResultError: it is not UTF-8, or has a character that a reader does not see.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ResultError(f"{path} is not UTF-8 text: see its byte {error.start + 1}") from None
    for number, line in enumerate(text.split("\n"), 1):
        unseen = unseen_character(line.removesuffix("\r").replace("\t", " "))
        if unseen:
            raise ResultError(f"{path}, line {number}: a reader does not see {unseen}")
    return text


def check_source(content: bytes, text: str, path: Path) -> None:
    """Refuse Python source that runs otherwise than it looks.

    Args:
        content: of the file.
        text: the same, as a reader sees it.
        path: of the file, for the error.

    Raises:
        ResultError: it is not Python, is to be read in another encoding, has a line too long
            to be seen, or a name that looks like another one.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _LONGEST_LINE:
            raise ResultError(
                f"{path}, line {number} has more than {_LONGEST_LINE} letters: break it"
            )
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        if encoding != "utf-8":
            raise ResultError(f"{path} is to be read as {encoding}: write it in UTF-8")
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME and not token.string.isascii():
                wrong = _wrong_name(token.string)
                if wrong:
                    raise ResultError(
                        f"{path}, line {token.start[0]}: the name {brief(token.string)} {wrong}"
                    )
    except (SyntaxError, tokenize.TokenError):
        raise ResultError(f"{path} is not Python: running it says where") from None


def _wrong_name(name: str) -> str:
    """Why a reader may take a name for another one; empty if there is no reason."""
    if unicodedata.normalize("NFKC", name) != name:
        # Python takes a bold or a wide letter for the plain one.
        return f"is the same as {unicodedata.normalize('NFKC', name)}: write that"
    letters = [one for one in name if one.isalpha()]
    like = [one for one in letters if one in _LIKE_LATIN]
    scripts = {_script(one) for one in letters}
    # Greek letters are usual in formulas, and so is one beside Latin letters: Δw.
    if len(scripts) > 1 and "LATIN" in scripts and (like or scripts != {"LATIN", "GREEK"}):
        return "has letters of several scripts: it can be taken for another one"
    if len(letters) > 1 and len(like) == len(letters):
        return "looks like one in Latin letters: it can be taken for another one"
    return ""


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split(" ")[0]
