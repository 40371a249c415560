"""What a study tries: as the card declares it, or as a user writes it."""

from pathlib import Path

import pytest

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.running.study.space import Choices, Range, Space
from tests.support.studies import write_source

STROKES = load_mitigation("stroke_anchor")


def test_the_cards_ranges_are_the_space(tmp_path: Path) -> None:
    mitigation = load_mitigation(write_source(tmp_path))
    assert Space.of(mitigation, [], []).text == "weight=0.01..1:log"


def test_what_is_written_takes_the_place_of_the_cards_ranges() -> None:
    space = Space.of(STROKES, ["weight=0.01..0.3:log", "images=64..256", "fine=0,0.2"], [])
    assert space.dimensions == {
        "weight": Range(0.01, 0.3, log=True),
        "images": Range(64.0, 256.0, whole=True),
        "fine": Choices((0.0, 0.2)),
    }
    assert Space.of(STROKES, space.written, []) == space


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([], "gives no range to try"),
        (["wieght=0..1"], "no parameter 'wieght'; there are: weight"),
        (["weight"], "write name=low..high"),
        (["weight=1..0"], "needs a low below its high"),
        (["weight=0..1:log"], "above 0 with :log"),
        (["weight=-1..1"], "below its minimum"),
        (["weight=0.5"], "two different values or more"),
        (["weight=0..1", "weight=0..2"], "names a parameter twice"),
        (["weight=a..b"], "takes a number, not 'a'"),
    ],
)
def test_a_mistake_is_one_line(written: list[str], said: str) -> None:
    with pytest.raises(MitigationError, match=said):
        Space.of(STROKES, written, [])


def test_what_is_fixed_is_not_tried() -> None:
    with pytest.raises(MitigationError, match="weight is both fixed and in the space"):
        Space.of(STROKES, ["weight=0..1"], ["weight=0.5"])


def test_a_parameter_of_a_composition_is_found_by_either_name() -> None:
    both = load_mitigation("stroke_anchor+l2_to_initialisation")
    space = Space.of(both, ["l2_to_initialisation.weight=0..1", "cutoff=5..14"], [])
    assert list(space.dimensions) == ["l2_to_initialisation.weight", "stroke_anchor.cutoff"]
    with pytest.raises(MitigationError, match="in several mitigations: write stroke_anchor"):
        Space.of(both, ["weight=0..1"], [])


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_every_proposal_lies_in_the_space(share: float) -> None:
    for one in (Range(0.0123456, 1.0, log=True), Range(1.5, 9.5, whole=True), Choices((1, 2))):
        assert one.includes(one.at(share))
