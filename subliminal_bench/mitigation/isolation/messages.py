"""The replies that a mitigation's process may send; everything else is an invalid reply."""

from typing import Annotated, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from subliminal_bench.mitigation.card import Access, Card, Parameter
from subliminal_bench.mitigation.separation import Network

_Text = Annotated[str, Field(max_length=2000)]
_Number = bool | int | float | str


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Ready(_Answer):
    """The process is confined, and no code of the mitigation has run in it yet."""

    kind: Literal["ready"]
    network: Network


class ParameterText(_Answer):
    """A card's parameter."""

    name: _Text
    default: _Number
    about: _Text
    minimum: float | None
    maximum: float | None
    choices: list[_Text] | None
    low: float | None
    high: float | None
    log: bool
    off: _Number | None

    def parameter(self) -> Parameter:
        """The parameter.

        Raises:
            MitigationError: a field that cannot be used.
        """
        choices = None if self.choices is None else tuple(self.choices)
        return Parameter(
            self.name,
            self.default,
            self.about,
            self.minimum,
            self.maximum,
            choices,
            self.low,
            self.high,
            self.log,
            self.off,
        )


class PluginText(_Answer):
    """A mitigation's description of itself."""

    name: _Text
    title: _Text
    access: Access
    reference: _Text
    prior: _Text
    twin: dict[_Text, _Number] | None
    parameters: list[ParameterText]
    hooks: list[_Text]
    attribute: _Text
    source_sha256: _Text

    def card(self) -> Card:
        """Its card.

        Raises:
            MitigationError: a field that cannot be used.
        """
        parameters = tuple(one.parameter() for one in self.parameters)
        return Card(
            self.name,
            self.title,
            self.access,
            parameters,
            self.reference,
            self.prior,
            self.twin,
        )


class Loaded(_Answer):
    """The mitigation is loaded."""

    kind: Literal["loaded"]
    number: int
    plugins: list[PluginText]
    undone: list[_Text]

    @property
    def described(self) -> list[PluginText]:
        """What must be the same at every load."""
        return self.plugins

    @property
    def hashes(self) -> list[str]:
        """Of the sources, one for each plugin."""
        return [one.source_sha256 for one in self.plugins]


class LoadedReader(_Answer):
    """A reader is loaded: its description of itself; see `reading.plugins.reader_card`."""

    kind: Literal["loaded reader"]
    number: int
    name: _Text
    title: _Text
    method: _Text
    renderings: list[_Text]
    labels: bool
    reference: _Text
    parameters: list[ParameterText]
    source_sha256: _Text

    @property
    def described(self) -> dict[str, object]:
        """What must be the same at every load."""
        return self.model_dump(exclude={"number"})

    @property
    def hashes(self) -> list[str]:
        """Of its source."""
        return [self.source_sha256]


class Done(_Answer):
    """A call has succeeded; its tensors are in the shared memory.

    Attributes:
        number: of the request.
        direct: whether the loss also depends on the parameters directly.
    """

    kind: Literal["done"]
    number: int
    direct: bool = False


class Failed(_Answer):
    """A call has failed.

    Attributes:
        number: of the request.
        error: the name of an error of this package; empty for any other error.
        line: its message.
    """

    kind: Literal["failed"]
    number: int
    error: _Text
    line: _Text


class AsksTrait(_Answer):
    """The process needs the trait gradient before it can answer."""

    kind: Literal["asks trait"]
    number: int
    whole_audit: bool


class AsksImages(_Answer):
    """The process needs the step's images before it can answer."""

    kind: Literal["asks images"]
    number: int


Answer = Ready | Loaded | LoadedReader | Done | Failed | AsksTrait | AsksImages
_ANSWERS: pydantic.TypeAdapter[Answer] = pydantic.TypeAdapter(
    Annotated[Answer, Field(discriminator="kind")]
)


def parsed(content: bytes) -> Answer:
    """Read an answer from bytes.

    Raises:
        ValueError: the bytes are not a valid answer.

    >>> parsed(b'{"kind": "done", "number": 3}')
    Done(kind='done', number=3, direct=False)
    """
    return _ANSWERS.validate_json(content)
