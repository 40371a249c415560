"""How many examples a property is tried on, and texts to try it on."""

from hypothesis import settings
from hypothesis import strategies as st

from subliminal_bench.printable import unseen_character

modest = settings(max_examples=40, deadline=None)
many = settings(max_examples=100, deadline=None)


def seen(longest: int) -> st.SearchStrategy[str]:
    """Text of which a reader sees every character."""
    characters = st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])
    return st.text(characters, max_size=longest).filter(lambda one: not unseen_character(one))
