"""A reader's card: its name, how it reads, and what it wants to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.card import Parameter, check_card
from subliminal_bench.printable import brief

RENDERINGS: Mapping[str, str] = {
    "raw": "the images as they are",
    "mean-free": "each image minus its mean pixel",
    "on noise": "half of each mean-free image plus noise",
    "high-pass": "the images without their lowest spatial frequencies",
    "faint": "a fifth of each mean-free image",
    "secret": "a band of frequencies, a contrast, an offset and noise, drawn at that moment",
}


@dataclass(frozen=True)
class ReaderCard:
    """A reader's description of itself.

    Attributes:
        name: as it is typed on the command line: letters, digits, `.`, `_` and `-`.
        title: one line for people.
        method: how it reads, and which layer, in one line.
        renderings: of the images that it is shown, out of `RENDERINGS`. With several, its
            accuracy is the mean over them.
        labels: whether it needs the audit images' labels. Features may then improve without
            the teacher, so a share above 1 counts as 1.
        reference: who found it, and where the idea is from.
        parameters: that users may set.

    Raises:
        MitigationError: a field that cannot be used.

    >>> ReaderCard("mine", "My reader", "a linear head from layer 2").renderings
    ('mean-free',)
    """

    name: str
    title: str
    method: str
    renderings: tuple[str, ...] = ("mean-free",)
    labels: bool = False
    reference: str = ""
    parameters: tuple[Parameter, ...] = ()

    def __post_init__(self) -> None:
        check_card(self, ("title", "method", "reference"))
        wanted = self.renderings
        if not isinstance(wanted, tuple | list) or not wanted:
            raise MitigationError(
                f"card renderings are {brief(wanted)}: they must be a tuple such as "
                '("mean-free",)'
            )
        for one in wanted:
            if not isinstance(one, str) or one not in RENDERINGS:
                raise MitigationError(
                    f"card rendering {brief(one)} is unknown; choose among "
                    f"{', '.join(RENDERINGS)}"
                )
        if len(set(wanted)) < len(wanted):
            raise MitigationError(f"card names a rendering twice: {', '.join(wanted)}")
        if not isinstance(self.labels, bool):
            raise MitigationError(
                f"card labels must be True or False, not {brief(self.labels)}"
            )
