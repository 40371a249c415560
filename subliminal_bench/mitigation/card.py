"""A mitigation's card: its name, its access level and the parameters that may be set.

Access `blind` means what a real distiller has: teacher logits on the noise, and the base model.
`trait-gradient` marks an oracle, which may request the gradient of the trait loss.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from subliminal_bench.errors import MitigationError

Access = Literal["blind", "trait-gradient"]
# From the lowest to the highest; a composition has the highest level of its members.
ACCESS_LEVELS: tuple[Access, ...] = ("blind", "trait-gradient")

# The network that isolation leaves to a mitigation's process.
Network = Literal["none", "shared"]

Value = bool | int | float | str

# Names are typed on the command line and become folder names; `+` joins names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a word",
}
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


@dataclass(frozen=True)
class Parameter:
    """A number or word of a mitigation that users may set.

    The default's type is the parameter's type.

    Raises:
        MitigationError: the name is not a Python name, or the default is out of range or is
            not a bool, int, float or str.

    >>> Parameter("weight", 1.0, "strength of the anchor", minimum=0.0).read("0.5")
    0.5
    >>> Parameter("weight", 1.0, minimum=0.0).read("-1")
    Traceback (most recent call last):
    subliminal_bench.errors.MitigationError: parameter weight is -1.0, below its minimum 0.0
    """

    name: str
    default: Value
    about: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise MitigationError(f"parameter name {self.name!r} is not a Python name")
        if type(self.default) not in _KINDS:
            raise MitigationError(
                f"parameter {self.name} has the default {self.default!r}: it must be a bool, "
                "int, float or str"
            )
        self._check(self.default)

    def read(self, text: str) -> Value:
        """Read a value from text, and check it against the declared range."""
        kind = type(self.default)
        try:
            value = _BOOLEANS[text.lower()] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise MitigationError(
                f"parameter {self.name} takes {_KINDS[kind]}, not {text!r}"
            ) from None
        self._check(value)
        return value

    def _check(self, value: Value) -> None:
        if isinstance(value, str):
            if self.choices is not None and value not in self.choices:
                raise MitigationError(
                    f"parameter {self.name} is {value!r}; choose one of "
                    f"{', '.join(self.choices)}"
                )
            return
        # A whole number is finite, even if it is too large for math.isfinite.
        if isinstance(value, float) and not math.isfinite(value):
            raise MitigationError(f"parameter {self.name} must be finite, not {value}")
        if self.minimum is not None and value < self.minimum:
            raise MitigationError(
                f"parameter {self.name} is {value}, below its minimum {self.minimum}"
            )
        if self.maximum is not None and value > self.maximum:
            raise MitigationError(
                f"parameter {self.name} is {value}, above its maximum {self.maximum}"
            )


@dataclass(frozen=True)
class Card:
    """A mitigation's description of itself.

    Attributes:
        name: as it is typed on the command line: letters, digits, `.`, `_` and `-`.
        title: one line for people.
        access: `blind` for what a real distiller has (teacher logits on the noise, the base
            model); `trait-gradient` for an oracle that may request the trait gradient.
        parameters: that users may set.
        reference: the source of the idea.

    Raises:
        MitigationError: a field that cannot be used.

    >>> Card("halve", "Halve the gradient").access
    'blind'
    """

    name: str
    title: str
    access: Access = "blind"
    parameters: tuple[Parameter, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise MitigationError(
                f"card name {str(self.name)[:60]!r} must be 1 to 100 letters, digits, '.', '_' "
                "or '-'"
            )
        for field, text in (("title", self.title), ("reference", self.reference)):
            if not isinstance(text, str) or "\n" in text:
                raise MitigationError(f"card {field} must be one line of text, not {text!r}")
        if self.access not in ACCESS_LEVELS:
            raise MitigationError(
                f"card access {self.access!r} is unknown; choose one of "
                f"{', '.join(ACCESS_LEVELS)}"
            )
        if not isinstance(self.parameters, tuple | list) or not all(
            isinstance(one, Parameter) for one in self.parameters
        ):
            raise MitigationError("card parameters must be a tuple of Parameter(...)")
        names = [one.name for one in self.parameters]
        if len(set(names)) < len(names):
            raise MitigationError(f"card declares a parameter twice: {', '.join(names)}")


class Settings(Mapping[str, Value]):
    """The values of a mitigation's parameters, read as attributes.

    >>> Settings({"weight": 0.5}).weight
    0.5
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = dict(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(
                f"no parameter {name!r} is declared on the card; "
                f"declared: {', '.join(self._values) or 'none'}"
            )
        return self._values[name]

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
