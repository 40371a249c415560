"""Reading and writing ranges of seeds, such as 1-10."""

import operator
import re
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from subliminal_bench.errors import SeedsError
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.printable import brief

_PART = re.compile(r"\s*([0-9]{1,6})\s*(?:-\s*([0-9]{1,6})\s*)?")


def parse_seeds(chosen: str | int | Iterable[int], protocol: Protocol) -> tuple[int, ...]:
    """Read seeds such as `1-10` or `1,3,5-7`, or take numbers; the result is sorted.

    Raises:
        SeedsError: these are not seeds, a seed occurs twice, or the protocol has no separate
            random stream for it.

    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> parse_seeds("5-7,1", MNIST)
    (1, 5, 6, 7)
    >>> parse_seeds([3, 1], MNIST), parse_seeds(5, MNIST)
    ((1, 3), (5,))
    """
    text = chosen if isinstance(chosen, str) else ",".join(_numerals(chosen, protocol))
    seeds: list[int] = []
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _unreadable(text)
        first = int(match[1])
        last = int(match[2] or match[1])
        if last < first:
            raise SeedsError(f"seeds {part.strip()!r} run backwards: write {last}-{first}")
        if first < 1 or last > protocol.highest_seed:
            raise SeedsError(
                f"seeds {part.strip()!r}: {protocol.name} has 1 to {protocol.highest_seed}"
            )
        seeds.extend(range(first, last + 1))
    if len(set(seeds)) < len(seeds):
        raise SeedsError(f"seeds {brief(text)} name a seed twice")
    return tuple(sorted(seeds))


def _numerals(chosen: Any, protocol: Protocol) -> list[str]:
    """Seeds that are given as numbers, as they are written."""
    highest = protocol.highest_seed
    several = isinstance(chosen, Iterable) and not isinstance(chosen, bytes | Mapping)
    try:
        # One more than there are, because a user may give a sequence without an end.
        given = list(islice(chosen, highest + 1)) if several else [chosen]
        seeds = [operator.index(one) for one in given]
    except TypeError:
        raise _unreadable(chosen) from None
    if any(isinstance(one, bool) for one in given):
        raise _unreadable(chosen)
    if len(seeds) > highest or not all(1 <= seed <= highest for seed in seeds):
        raise SeedsError(f"{protocol.name} has seeds 1 to {highest}")
    return [str(seed) for seed in seeds]


def _unreadable(chosen: object) -> SeedsError:
    return SeedsError(f"cannot read seeds {brief(chosen)}: write them like 1-10 or 1,3,5-7")


def describe_seeds(seeds: Iterable[int]) -> str:
    """Write seeds in the form that `parse_seeds` reads.

    >>> describe_seeds([7, 1, 2, 3, 9])
    '1-3,7,9'
    """
    ranges: list[list[int]] = []
    for seed in sorted(seeds):
        if ranges and seed == ranges[-1][1] + 1:
            ranges[-1][1] = seed
        else:
            ranges.append([seed, seed])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def seeds_phrase(seeds: Collection[int]) -> str:
    """Seeds as part of a sentence.

    >>> seeds_phrase([3]), seeds_phrase([1, 2])
    ('seed 3', 'seeds 1-2')
    """
    return f"seed{'s' if len(seeds) != 1 else ''} {describe_seeds(seeds)}"
