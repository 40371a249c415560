"""A mitigation's card: its name, its access level and the parameters that may be set.

Access `blind` means what a real distiller has: the teacher's auxiliary logits on the noise, and
the base model. `teacher-classes` adds the teacher's class logits on the noise. `trait-gradient`
marks an oracle, which may also request the gradient of the trait loss.
"""

import keyword
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, Protocol

from subliminal_bench.errors import MitigationError
from subliminal_bench.printable import brief, unseen_character

Access = Literal["blind", "teacher-classes", "trait-gradient"]
# From the lowest to the highest: each shows all that those before it show. A composition has
# the highest level of its members.
ACCESS_LEVELS: tuple[Access, ...] = ("blind", "teacher-classes", "trait-gradient")

Value = bool | int | float | str

# Names are typed on the command line and become folder names; `+` joins names.
_LONGEST_NAME = 100
# Far more than fits beside others on a page; files and messages hold no more.
_LONGEST_LINE = 2000
_MOST_PARAMETERS = 100
# Beyond that, a whole number is larger than any fraction that a computer counts with.
_MOST_DIGITS = 300
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST_NAME - 1}}}")
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

    Attributes:
        name: read as `step.settings.NAME`.
        default: its value unless a user sets another.
        about: one line for people.
        minimum: the lowest value that may be set.
        maximum: the highest.
        choices: the words that may be set.
        low: lower end of the range in which a study looks for good values.
        high: upper end.
        log: whether a study looks in that range by factors rather than by differences.
        off: the value that switches off what the parameter stands for; an ablation sets it.

    Raises:
        MitigationError: the name cannot be read as `step.settings.NAME`, the default is out of
            range or is not a bool, int, float or str, or another field cannot be used.

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
    low: float | None = None
    high: float | None = None
    log: bool = False
    off: Value | None = None

    def __post_init__(self) -> None:
        self._check_name()
        _check_line(f"about of parameter {self.name}", self.about)
        if type(self.default) not in _KINDS:
            raise MitigationError(
                f"parameter {self.name} has the default {brief(self.default)}: it must be a "
                "bool, int, float or str"
            )
        self._check_bounds()
        self._check(self.default)
        self._check_range()
        if self.off is not None:
            self.read(str(self.off))

    def _check_name(self) -> None:
        """Check that hooks can read it as an attribute of their settings."""
        name = self.name
        if not isinstance(name, str) or not name.isidentifier() or len(name) > _LONGEST_NAME:
            raise MitigationError(
                f"parameter name {brief(name)} is not a Python name of at most "
                f"{_LONGEST_NAME} letters"
            )
        # Python reads a name in source in its normal form.
        is_normal = unicodedata.normalize("NFKC", name) == name
        if keyword.iskeyword(name) or not is_normal:
            raise MitigationError(f"parameter name {name!r} cannot be an attribute in Python")
        if name.startswith("_") or hasattr(Settings, name):
            taken = ", ".join(one for one in dir(Settings) if not one.startswith("_"))
            raise MitigationError(
                f"parameter name {name!r} is taken: it must not start with '_' or be one of "
                f"{taken}"
            )

    def _check_bounds(self) -> None:
        for field in ("minimum", "maximum", "low", "high"):
            bound = getattr(self, field)
            if bound is None:
                continue
            # A whole number is finite, even if it is too large for math.isnan.
            is_nan = isinstance(bound, float) and math.isnan(bound)
            if is_nan or isinstance(bound, bool) or not isinstance(bound, int | float):
                raise MitigationError(
                    f"parameter {self.name} has the {field} {brief(bound)}: it must be a number"
                )
        words = self.choices
        are_words = isinstance(words, tuple | list) and all(
            isinstance(one, str) for one in words
        )
        if words is not None and not are_words:
            raise MitigationError(
                f"parameter {self.name} has the choices {brief(words)}: they must be a tuple "
                "of words"
            )

    def _check_range(self) -> None:
        """Check the range in which a study looks."""
        if self.low is None and self.high is None and not self.log:
            return
        if type(self.default) not in (int, float):
            raise MitigationError(f"parameter {self.name} is no number: it has no low and high")
        if self.low is None or self.high is None or not self.low < self.high:
            raise MitigationError(
                f"parameter {self.name} has the range {self.low} to {self.high}: give low and "
                "high, low below high"
            )
        if self.log and self.low <= 0:
            raise MitigationError(
                f"parameter {self.name} has the range {self.low} to {self.high}: with log, low "
                "must be above 0"
            )
        for end in (self.low, self.high):
            self._check(end)

    def read(self, text: str) -> Value:
        """Read a value from text, and check it against the declared range."""
        kind = type(self.default)
        try:
            value = _BOOLEANS[text.lower()] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise MitigationError(
                f"parameter {self.name} takes {_KINDS[kind]}, not {brief(text)}"
            ) from None
        self._check(value)
        return value

    def _check(self, value: Value) -> None:
        if isinstance(value, str):
            if self.choices is not None and value not in self.choices:
                raise MitigationError(
                    f"parameter {self.name} is {brief(value)}; choose one of "
                    f"{', '.join(self.choices)}"
                )
            _check_line(f"parameter {self.name}", value)
            return
        if isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:
            raise MitigationError(f"parameter {self.name} has too many digits")
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
        access: `blind` for what a real distiller has (the teacher's auxiliary logits on the
            noise, the base model); `teacher-classes` to read the teacher's class logits on the
            noise too; `trait-gradient` for an oracle that may request the trait gradient.
        parameters: that users may set.
        reference: the source of the idea.
        prior: what the method presumes about the data, such as "digits are dark"; empty if it
            presumes nothing.
        twin: settings under which its mechanism is off and everything else the same, such as
            `{"weight": 0.0}`. The twin runs too, and the entry is credited only with what it
            prevents beyond it. None if there are no such settings.

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
    prior: str = ""
    twin: Mapping[str, Value] | None = None

    def __post_init__(self) -> None:
        check_card(self, ("title", "reference", "prior"))
        if self.access not in ACCESS_LEVELS:
            raise MitigationError(
                f"card access {self.access!r} is unknown; choose one of "
                f"{', '.join(ACCESS_LEVELS)}"
            )
        self._check_twin()

    def _check_twin(self) -> None:
        """Check that the twin is this mitigation with other settings."""
        if self.twin is None:
            return
        declared = {one.name: one for one in self.parameters}
        for setting in (written := written_settings(self.twin)):
            name, _, text = setting.partition("=")
            if name not in declared:
                raise MitigationError(
                    f"card twin sets {brief(name)}, which is no parameter of the card; "
                    f"declared: {', '.join(declared) or 'none'}"
                )
            declared[name].read(text)
        if not written:
            raise MitigationError("card twin must set at least one parameter")


class Described(Protocol):
    """A card of any kind of plugin: a name, lines of text and parameters."""

    @property
    def name(self) -> str:
        """As it is typed on the command line."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """That users may set."""


def check_card(card: Described, lines: Sequence[str]) -> None:
    """Check what cards of all kinds have.

    Args:
        card: to check.
        lines: the names of its fields with one line of text each.

    Raises:
        MitigationError: a field that cannot be used.
    """
    if not isinstance(card.name, str) or not _NAME.fullmatch(card.name):
        raise MitigationError(
            f"card name {brief(card.name)} must be 1 to {_LONGEST_NAME} letters, digits, "
            "'.', '_' or '-'"
        )
    for line in lines:
        _check_line(f"card {line}", getattr(card, line))
    if not isinstance(card.parameters, tuple | list) or not all(
        isinstance(one, Parameter) for one in card.parameters
    ):
        raise MitigationError("card parameters must be a tuple of Parameter(...)")
    if len(card.parameters) > _MOST_PARAMETERS:
        raise MitigationError(f"card declares more than {_MOST_PARAMETERS} parameters")
    names = [one.name for one in card.parameters]
    if len(set(names)) < len(names):
        raise MitigationError(f"card declares a parameter twice: {', '.join(names)}")


def includes(access: Access, level: Access) -> bool:
    """Whether an access level shows all that another level shows.

    >>> [includes("teacher-classes", level) for level in ACCESS_LEVELS]
    [True, True, False]
    """
    return ACCESS_LEVELS.index(access) >= ACCESS_LEVELS.index(level)


def sees_labels(access: Access) -> bool:
    """Whether an access level shows what is computed from labelled digits: an oracle's does."""
    return includes(access, "trait-gradient")


def hidden_from(access: Access) -> str:
    """What a level without labels must not see, in words; a test exchanges it for other values.

    >>> hidden_from("teacher-classes")
    'audit and test digits'
    """
    digits = "audit and test digits"
    if includes(access, "teacher-classes"):
        return digits
    return f"{digits} or class logits of the teacher"


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


def written_settings(values: object) -> list[str]:
    """Settings that are given in Python, as the command line has them: `name=value` each.

    Raises:
        MitigationError: they are not a dictionary from names to numbers and words.

    >>> written_settings({"temperature": 3.0, "word": "two words"})
    ['temperature=3.0', 'word=two words']
    """
    if not isinstance(values, Mapping):
        raise MitigationError(
            f"settings must be a dictionary such as {{'temperature': 3.0}}, not {brief(values)}"
        )
    written = []
    for name, value in values.items():
        if not isinstance(name, str) or "=" in name:
            raise MitigationError(f"settings: {brief(name)} is not the name of a parameter")
        if not isinstance(value, str | Real):
            raise MitigationError(
                f"settings: {name} must be a number, a word, True or False, not {brief(value)}"
            )
        try:
            written.append(f"{name}={value}")
        except ValueError:
            raise MitigationError(f"settings: {name} has too many digits") from None
    return written


def _check_line(what: str, text: object) -> None:
    """Refuse what could not be shown as it is, in a terminal or on a page.

    Raises:
        MitigationError: it is not text, or has a character that a reader does not see.
    """
    if not isinstance(text, str):
        raise MitigationError(f"{what} must be one line of text, not {brief(text)}")
    if len(text) > _LONGEST_LINE:
        raise MitigationError(f"{what} must have at most {_LONGEST_LINE} letters")
    unseen = unseen_character(text)
    if unseen:
        raise MitigationError(
            f"{what} must be one line of visible text: {brief(text)} has the character {unseen}"
        )
