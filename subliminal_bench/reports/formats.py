"""The forms that output can take."""

from collections.abc import Sequence

from subliminal_bench.errors import ResultError


def checked_format(form: str, known: Sequence[str]) -> str:
    """The format, if it is among those known.

    Raises:
        ResultError: it is not.

    >>> checked_format("json", ("csv", "json"))
    'json'
    """
    if form not in known:
        raise ResultError(f"unknown format {form!r}; choose one of {', '.join(known)}")
    return form
