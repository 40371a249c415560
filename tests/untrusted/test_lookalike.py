"""Names that a reader could take for one another have the same looks, others do not."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.mitigation.builtin import built_in_names
from subliminal_bench.untrusted.lookalike import looks_of, without_version
from tests.support.examples import many

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("liminal", "Liminal"),
        ("liminal", "LIMINAL"),
        ("liminal", "Iiminal"),
        ("liminal", "1iminal"),
        ("liminal", "limina1"),
        ("frozen", "fr0zen"),
        ("frozen", "frOzen"),
        ("stroke_anchor", "stroke-anchor"),
        ("stroke_anchor", "stroke.anchor"),
        ("stroke_anchor", "stroke__anchor"),
        ("stroke_anchor", "strokeanchor"),
        ("random_projection", "randorn_projection"),
        ("rewired_head", "revvired_head"),
        ("baseline", "baseline_"),
        ("my_idea", "my-1dea"),
    ],
)
def test_look_alikes_have_the_same_looks(one: str, other: str) -> None:
    assert looks_of(one) == looks_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("projection", "projection_of_update"),
        ("idea-1", "idea-2"),
        ("idea-01", "idea-10"),
        ("anchor", "anchors"),
        ("liminal+projection", "liminal"),
    ],
)
def test_other_names_have_other_looks(one: str, other: str) -> None:
    assert looks_of(one) != looks_of(other)


def test_no_two_built_in_names_are_look_alikes() -> None:
    for one, other in combinations(built_in_names(), 2):
        assert looks_of(one) != looks_of(other)
        assert looks_of(without_version(one)) != looks_of(other)


@many
@given(names)
def test_case_changes_no_looks(name: str) -> None:
    assert looks_of(name.upper()) == looks_of(name) == looks_of(name.lower())


@many
@given(names.map(lambda one: f"{one}x"), st.integers(0, 99))
def test_a_version_is_taken_off(name: str, number: int) -> None:
    for version in (f"{number}", f"_v{number}", f"-{number}", f"-{number}.{number}"):
        assert without_version(name + version) == name
