"""The plugins that ship with the package: mitigations, with the references, and readers."""

from dataclasses import dataclass

from subliminal_bench import shipped


@dataclass(frozen=True)
class Kind:
    """A kind of plugin, and where the ones of that kind are found by name.

    Attributes:
        word: for messages.
        folder: of those that ship with the package.
        group: of the entry points with which other packages declare theirs.
    """

    word: str
    folder: str
    group: str


MITIGATION = Kind("mitigation", "plugins", "subliminal_bench")
READER = Kind("reader", "plugins/readers", "subliminal_bench.readers")


def built_in_names(kind: Kind = MITIGATION) -> list[str]:
    """The names of the plugins of a kind that ship with the package."""
    return sorted(path.stem for path in shipped.folder(kind.folder).glob("[!_]*.py"))


BASELINE = "baseline"
REFERENCES = (BASELINE, "projection", "liminal")
