"""A check as such: what is claimed, why, and what to do if it does not hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Checked = TypeVar("Checked")


@dataclass(frozen=True)
class Check(Generic[Checked]):
    """One check of a plugin.

    Attributes:
        name: as on the command line.
        claim: holds if the check passes.
        why: the reason for it.
        fix: what to do if it fails.
        find: returns what is wrong with a subject; None if nothing is.
        skip: returns why it does not apply to a subject; None if it does.
        needs: checks that must pass, otherwise it shows nothing.
        marks: whether what it finds is a mark for readers to know, and no failure.
    """

    name: str
    claim: str
    why: str
    fix: str
    find: Callable[[Checked], str | None]
    skip: Callable[[Checked], str | None] = lambda subject: None
    needs: tuple[str, ...] = ()
    marks: bool = False
