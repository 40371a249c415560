"""JSON from a stranger: UTF-8, every key once, every number a finite one, and of bounded depth.

Python's reader takes more: the last of several equal keys, so that two programs read different
values from one file, and numbers that no arithmetic can take.
"""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from subliminal_bench.errors import ResultError
from subliminal_bench.printable import brief

# Those of this program have 7 levels, and some thousands of lists and objects. Each takes far
# more memory than the two bytes that it can be written with.
_DEEPEST = 50
_MOST_CONTAINERS = 200_000
# Beyond that, a whole number is larger than any fraction that a computer counts with.
_MOST_DIGITS = 300


class _NotTakenError(ValueError):
    """What JSON allows and this program does not."""


def parse_json(content: bytes, path: Path) -> Any:
    """The value that a JSON file holds.

    Args:
        content: of the file.
        path: of the file, for the error.

    Raises:
        ResultError: it is no such JSON; one line names the file and, if it is about a value,
            the key.

    >>> parse_json(b'{"seed": 1}', Path("a.json"))
    {'seed': 1}
    >>> parse_json(b'{"seed": 1, "seed": 2}', Path("a.json"))
    Traceback (most recent call last):
    subliminal_bench.errors.ResultError: a.json: the key 'seed' occurs twice
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ResultError(
            f"{path} is not valid JSON: byte {error.start + 1} is not UTF-8"
        ) from None
    if content.count(b"[") + content.count(b"{") > _MOST_CONTAINERS:
        raise ResultError(f"{path} has more than {_MOST_CONTAINERS} lists and objects")
    strange: list[str] = []
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=lambda word: _noted(strange, math.nan),
            parse_float=lambda word: _finite(float(word), strange),
            parse_int=lambda word: (
                int(word) if len(word) <= _MOST_DIGITS else _noted(strange, math.inf)
            ),
        )
    except _NotTakenError as error:
        raise ResultError(f"{path}: {error}") from None
    except RecursionError:
        raise ResultError(f"{path} is not valid JSON: it is nested too deeply") from None
    except ValueError:
        raise ResultError(f"{path} is not valid JSON: is it complete?") from None
    if _depth(value) > _DEEPEST:
        raise ResultError(f"{path} is not valid JSON: it is nested too deeply")
    if strange:
        check_numbers(value, path)
    return value


def check_numbers(value: Any, path: Path) -> None:
    """Refuse numbers that are not finite, or larger than any that a computer counts with.

    Args:
        value: of lists, dictionaries and what is in them, as a file has it.
        path: of the file, for the error.

    Raises:
        ResultError: with the file and the key.
    """
    way = next(_ways(value, _is_no_number), None)
    if way is not None:
        where = ".".join(map(str, way)) or "the file"
        raise ResultError(f"{path}: {where}: the number is not finite, or too large")


def _is_no_number(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _NotTakenError(f"the key {brief(twice)} occurs twice")
    return found


def _noted(strange: list[str], value: float) -> float:
    strange.append("")
    return value


def _finite(value: float, strange: list[str]) -> float:
    return value if math.isfinite(value) else _noted(strange, value)


def _inside(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _depth(value: Any) -> int:
    """How many lists and objects stand in one another; a level at a time, without recursion."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
    return depth


def _ways(
    value: Any, wanted: Callable[[Any], bool], *way: str | int
) -> Iterator[tuple[str | int, ...]]:
    """The way to each wanted value, as keys and positions."""
    if wanted(value):
        yield way
    for key, inner in _inside(value):
        yield from _ways(inner, wanted, *way, key)
