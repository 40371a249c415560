"""SPLIT FROM conformance_text."""

from collections.abc import Sequence

from subliminal_bench.errors import MitigationError


def expected_failures(given: Sequence[str]) -> dict[str, str]:
    """Declared failures by check.

    >>> expected_failures(["finite=it explodes by design"])
    {'finite': 'it explodes by design'}

    Raises:
        MitigationError: one without a reason.
    """
    found = {}
    for text in given:
        name, _, reason = text.partition("=")
        if not reason.strip():
            raise MitigationError(f"--expect {text!r}: write CHECK=REASON")
        found[name.strip()] = reason.strip()
    return found
