"""An entry's name belongs to one source, and cannot be taken for another one."""

from pathlib import Path

import pytest

from subliminal_bench import shipped
from subliminal_bench.errors import ResultError
from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.results.entries import read_entries
from subliminal_bench.results.entry_names import check_name, check_origin
from subliminal_bench.results.run import MitigationRecord, write_run
from tests.support.plugins_for_tests import one_line
from tests.support.runs import make_run


def record(name: str, source: str = "") -> MitigationRecord:
    found = make_run(name, [0.5]).mitigation
    return found.model_copy(update={"source_sha256": source}) if source else found


def refused(name: str, *others: str) -> str:
    with pytest.raises(ResultError) as caught:
        check_name(name, others)
    return one_line(caught.value)


@pytest.mark.parametrize(
    "name", ["Liminal", "1iminal", "liminal2", "liminal-v2", "base_line", "stroke.anchor"]
)
def test_a_name_like_a_built_in_one_is_refused_with_that(name: str) -> None:
    said = refused(name)
    assert f"the name {name!r} can be taken for" in said
    assert "built in" in said


def test_a_name_like_another_entrys_is_refused_with_that() -> None:
    assert "'my_idea', which has an entry" in refused("My-Idea", "another", "my_idea")


def test_names_of_their_own_are_free() -> None:
    check_name("my_idea", ["my_other_idea", "my_idea"])
    check_name("my_idea-2", ["my_idea"])
    for name in built_in_names():
        check_name(name, built_in_names())


class TestOrigins:
    def test_a_built_in_name_is_its_sources(self) -> None:
        check_origin(record("liminal"), {})
        for replace in (False, True):
            with pytest.raises(ResultError, match="the name of a built-in mitigation"):
                check_origin(record("liminal", "a" * 64), {}, replace)

    def test_another_source_takes_no_name_over_unless_it_replaces(self) -> None:
        present = {"idea": record("idea", "a" * 64)}
        with pytest.raises(ResultError, match="another source"):
            check_origin(record("idea", "b" * 64), present)
        check_origin(record("idea", "b" * 64), present, replace=True)
        check_origin(record("idea", "a" * 64), present)


def test_what_is_laid_by_hand_is_judged(tmp_path: Path) -> None:
    entries = tmp_path / "entries"
    around = [0.5 + place / 1000 for place in range(20)]
    write_run(entries / "my_idea.json", make_run("my_idea", around))
    write_run(entries / "another.json", make_run("My-1dea", around))
    with pytest.raises(ResultError, match=r"my_idea\.json: mitigation\.name"):
        read_entries(entries)


def test_every_committed_entry_may_have_its_name() -> None:
    found = read_entries(shipped.folder("leaderboard") / "entries")
    records = {label: run.mitigation for label, run in found.items()}
    assert len(records) > 10
    for label, one in records.items():
        others = {name: other for name, other in records.items() if name != label}
        check_name(one.name, {other.name for other in others.values()})
