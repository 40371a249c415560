"""The settings that a study tries: a range of numbers, or some values, for each name."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from subliminal_bench.errors import MitigationError, Setting
from subliminal_bench.mitigation.card import Parameter, Value
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.printable import brief

_RANGE = re.compile(r"(?P<low>.+?)\.\.(?P<high>.+?)(?P<log>:log)?")
# Digits of a proposed number: more would only be harder to read and to type.
_DIGITS = 3


@dataclass(frozen=True)
class Range:
    """A range of numbers, both ends included.

    Attributes:
        low: its lower end.
        high: its upper end.
        log: whether it is looked at by factors.
        whole: whether only whole numbers are tried.

    >>> str(Range(0.01, 1.0, log=True)), str(Range(1, 8, whole=True))
    ('0.01..1:log', '1..8')
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}{':log' if self.log else ''}"

    def rounded(self, value: float) -> Value:
        """The nearest value that is worth trying.

        >>> Range(0.0, 1.0).rounded(0.123456), Range(1, 8, whole=True).rounded(2.7)
        (0.123, 3)
        """
        if self.whole:
            return min(max(round(value), math.ceil(self.low)), math.floor(self.high))
        return min(max(float(f"{value:.{_DIGITS}g}"), float(self.low)), float(self.high))

    def at(self, share: float) -> Value:
        """The value at that share of the way from one end to the other.

        >>> Range(0.01, 1.0, log=True).at(0.5)
        0.1
        """
        if self.log:
            return self.rounded(self.low * (self.high / self.low) ** share)
        return self.rounded(self.low + share * (self.high - self.low))

    def includes(self, value: Value) -> bool:
        """Whether a value lies in it."""
        return not isinstance(value, str) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choices:
    """Some values.

    Attributes:
        values: to try.

    >>> str(Choices(("soft", "hard")))
    'soft,hard'
    """

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return ",".join(map(str, self.values))

    def at(self, share: float) -> Value:
        """The value at that share of the way through them."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]

    def includes(self, value: Value) -> bool:
        """Whether it is one of them."""
        return value in self.values


Dimension = Range | Choices


@dataclass(frozen=True)
class Space:
    """The settings that a study tries.

    Attributes:
        dimensions: by the name of the setting.
    """

    dimensions: Mapping[str, Dimension]

    @classmethod
    def of(
        cls, mitigation: Mitigation, written: Sequence[str], fixed: Sequence[str]
    ) -> "Space":
        """The space that a user writes down, else the one that the cards declare.

        Args:
            mitigation: to study.
            written: `name=low..high`, `name=low..high:log` or `name=a,b,c` each.
            fixed: settings that all trials share, `name=value` each.

        Raises:
            MitigationError: it is empty, cannot be read, or names no parameter of the
                mitigation, one that is fixed, or values that it does not take.

        >>> from subliminal_bench.mitigation.mitigation import load_mitigation
        >>> Space.of(load_mitigation("liminal"), ["temperature=1..4"], []).text
        'temperature=1..4'
        """
        known = mitigation.parameters
        held = {_full(one.partition("=")[0], known) for one in fixed}
        if written:
            found = dict(_read(one, known) for one in written)
            if len(found) < len(written):
                raise MitigationError("the space names a parameter twice", Setting("space"))
            both = sorted(found.keys() & held)
            if both:
                raise MitigationError(f"{both[0]} is both fixed and in the space")
            return cls(found)
        declared = {
            name: dimension
            for name, one in known.items()
            if name not in held and (dimension := _declared(one))
        }
        if not declared:
            names = ", ".join(known) or "none"
            raise MitigationError(
                f"the card of {mitigation.name} gives no range to try (parameters: {names})",
                "write one with ",
                Setting("space", f"{next(iter(known), 'weight')}=0.01..1:log"),
            )
        return cls(declared)

    @property
    def text(self) -> str:
        """As a user writes it, in one line."""
        return " ".join(self.written)

    @property
    def written(self) -> list[str]:
        """As a user writes it, `name=...` each."""
        return [f"{name}={one}" for name, one in self.dimensions.items()]

    def at(self, shares: Sequence[float]) -> dict[str, Value]:
        """The settings at these shares of the way through every dimension."""
        return {
            name: one.at(share)
            for (name, one), share in zip(self.dimensions.items(), shares, strict=True)
        }

    def includes(self, settings: Mapping[str, Value]) -> bool:
        """Whether settings lie in it."""
        return all(one.includes(settings[name]) for name, one in self.dimensions.items())

    def all_settings(self, most: int) -> list[dict[str, Value]] | None:
        """Every combination; None if there are more than `most`, or endless ones."""
        every: list[Sequence[Value]] = []
        for one in self.dimensions.values():
            if isinstance(one, Range) and not one.whole:
                return None
            every.append(
                one.values
                if isinstance(one, Choices)
                else range(math.ceil(one.low), math.floor(one.high) + 1)
            )
        if math.prod(map(len, every)) > most:
            return None
        return [dict(zip(self.dimensions, values, strict=True)) for values in product(*every)]


def _declared(one: Parameter) -> Dimension | None:
    """What a card says about where to look."""
    if one.low is not None and one.high is not None:
        return Range(one.low, one.high, one.log, isinstance(one.default, int))
    return Choices(tuple(one.choices)) if one.choices and len(one.choices) > 1 else None


def _full(name: str, known: Mapping[str, Parameter]) -> str:
    """The name in `Mitigation.settings` that a user means."""
    wanted = name.strip()
    found = [one for one in known if one == wanted or one.endswith(f".{wanted}")]
    if len(found) > 1:
        raise MitigationError(
            f"parameter {wanted!r} is in several mitigations: write {found[0]}"
        )
    if not found:
        raise MitigationError(
            f"no parameter {brief(wanted)}; there are: {', '.join(known) or 'none'}"
        )
    return found[0]


def _read(text: str, known: Mapping[str, Parameter]) -> tuple[str, Dimension]:
    """One dimension as a user writes it, by its full name."""
    written, equals, said = text.partition("=")
    if not equals or not said.strip():
        raise MitigationError(
            f"cannot read the space {brief(text)}: write name=low..high, "
            "name=low..high:log or name=a,b,c"
        )
    name = _full(written, known)
    one = known[name]
    match = _RANGE.fullmatch(said.strip())
    if match is None:
        values = tuple(one.read(part.strip()) for part in said.split(","))
        if len(set(values)) < max(2, len(values)):
            raise MitigationError(f"the space {brief(text)} needs two different values or more")
        return name, Choices(values)
    ends = one.read(match["low"]), one.read(match["high"])
    if isinstance(one.default, bool | str) or any(isinstance(end, str) for end in ends):
        raise MitigationError(f"parameter {name} is no number: write {name}=a,b,c")
    low, high = (float(end) for end in ends)
    if not low < high or (match["log"] and low <= 0):
        raise MitigationError(
            f"the space {brief(text)} needs a low below its high, and above 0 with :log"
        )
    return name, Range(low, high, bool(match["log"]), isinstance(one.default, int))
