"""Whether an entry may have its name: a reader must not take it for another one's."""

from collections.abc import Iterable, Mapping

from subliminal_bench.errors import ResultError, Setting
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.results.run import MitigationRecord
from subliminal_bench.untrusted.lookalike import looks_of, without_version


def check_name(name: str, others: Iterable[str]) -> None:
    """Refuse a name that can be taken for a built-in mitigation's or another entry's.

    Args:
        name: of the new entry's mitigation.
        others: the names of the mitigations that have entries.

    Raises:
        ResultError: with the name that it can be taken for.

    >>> check_name("my_idea", ["another_idea"])
    >>> check_name("my_idea", ["my-1dea"])
    Traceback (most recent call last):
    subliminal_bench.errors.ResultError: the name 'my_idea' can be taken for 'my-1dea', which \
has an entry: give the mitigation another name
    """
    looks = looks_of(name)
    for other in built_in_names():
        versions = (looks, looks_of(without_version(name)))
        if name != other and looks_of(other) in versions:
            raise _taken(name, other, "which is built in")
    for other in others:
        if name != other and looks_of(other) == looks:
            raise _taken(name, other, "which has an entry")


def check_origin(
    record: MitigationRecord, present: Mapping[str, MitigationRecord], replace: bool = False
) -> None:
    """Refuse an entry whose name already belongs to another source.

    An entry of the same name with other settings stands beside the first, as one of the same
    mitigation.

    Args:
        record: the new entry's mitigation.
        present: those of the entries that there are, by label.
        replace: whether a newer source may take the name over; never a built-in one's.

    Raises:
        ResultError: the name belongs to another source.
    """
    name = record.name
    check_name(name, {one.name for one in present.values()})
    if name in built_in_names() and not is_built_in(record):
        raise ResultError(
            f"{name!r} is the name of a built-in mitigation, and this one has another source",
            "give it another name",
        )
    for other in present.values():
        if other.name == name and other.source_sha256 != record.source_sha256 and not replace:
            raise ResultError(
                f"there is already an entry of {name!r} with another source",
                "give the mitigation another name, or, if it is a newer version of the same, ",
                Setting("replace", switch=True),
            )


def is_built_in(record: MitigationRecord) -> bool:
    """Whether a mitigation is one of this program's own plugins, unchanged."""
    if record.name not in built_in_names():
        return False
    return loading.sources(record.name).sha256 == record.source_sha256


def _taken(name: str, other: str, why: str) -> ResultError:
    return ResultError(
        f"the name {name!r} can be taken for {other!r}, {why}",
        "give the mitigation another name",
    )
