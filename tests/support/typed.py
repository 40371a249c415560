"""What people type, and what a command may answer."""

from hypothesis import strategies as st

from subliminal_bench.printable import unseen_character
from tests.support.terminal import Ended

# What a shell can pass on: anything but a zero byte. Lone surrogates stand for bytes that are
# not UTF-8.
_LETTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.characters(
    min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"]
)
_ODD = st.sampled_from(
    [
        *("", " ", "-", "--", "-1", "+", "=", ",", ":", ".", "..", "~", "é", "\udcff"),
        *("a|b", "a\nb", "\x1b[31mred", "\u202eright", "\u2066left", "\u2028", "a\tb", "*x*"),
        *(
            "<script>alert(1)</script>",
            "[a](b)",
            "`code`",
            "&lt;",
            "$x$",
            "{x}",
            "%s",
            "x" * 300,
        ),
    ]
)
words = (st.text(_LETTERS, max_size=12) | _ODD).filter(
    # They ask for the traceback and for the help.
    lambda text: text not in ("--debug", "--help")
)

# The exit codes of docs/commands.md that an uninterrupted command has; 70, a bug, is not one.
CODES = frozenset({0, 1, 2, 3, 4, 5})


def is_answer(ended: Ended) -> bool:
    """Whether a command was done, or refused in one readable line."""
    shown = ended.out.replace("\n", "") + ended.err.replace("\n", "")
    if ended.code not in CODES or "Traceback" in shown:
        return False
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    if ended.code != 2:
        return not errors
    # What was said before, such as progress, is no error.
    last = ended.err.splitlines()[-1:]
    return errors == last != ["error: "] and unseen_character(errors[0]) is None


def is_shown(ended: Ended) -> bool:
    """Whether it is an answer, and a reader sees every character of the output."""
    return is_answer(ended) and unseen_character(ended.out.replace("\n", "")) is None
