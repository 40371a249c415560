"""A mark is there where weights are far from what plugins show, and changes no verdict."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subliminal_bench.experiment.weight_parts import HIDDEN, PARTS
from subliminal_bench.reports import text
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.weight_marks import WeightMarks, weight_marks
from tests.support.judged import BASELINE, dropped
from tests.support.runs import make_run
from tests.support.weights import with_changes


def card(**changes: Any) -> Scorecard:
    return build_scorecard(
        with_changes(dropped(), **changes), {"baseline": with_changes(BASELINE)}
    )


def marks(**changes: Any) -> WeightMarks:
    found = card(**changes).weights
    assert found is not None
    return found


def test_plain_distillations_own_change_has_ratios_of_one_and_no_mark() -> None:
    found = marks()
    # Plain distillation never moves the class head.
    assert found.moved == pytest.approx(dict.fromkeys(list(PARTS)[:3], 1.0))
    assert found.of_size["class_head"] == 0
    assert found.marks == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"displacement": {"layer2": 28.0}},
            "its second layer moved 40 times as far as plain distillation's",
        ),
        (
            {"displacement": {"class_head": 4.34}},
            "its class head moved by 1.4 times its own size",
        ),
        (
            {"exchanged": {"layer1": 0.31}},
            "31 % of the units of its first layer were permuted",
        ),
        (
            {"rescaled": {"layer2": 4.0}},
            "half of the units of its second layer or more were rescaled, 4.0 times at least",
        ),
        (
            {"unexplained": 0.97},
            "the optimiser's updates do not explain 97 % of the change",
        ),
    ],
)
def test_what_is_far_from_usual_is_said_in_words(changes: dict[str, Any], said: str) -> None:
    found = card(**changes)
    assert found.weights is not None
    assert found.weights.marks == (said,)
    assert found.remarks == (f"idea's weights are marked: {said}",)


@pytest.mark.parametrize(
    "changes",
    [
        {"displacement": {"layer1": 5.0, "layer2": 9.4, "auxiliary_head": 5.0}},
        {"displacement": {"class_head": 1.0}},
        {"unexplained": 0.8, "hook_updates": 1.0, "finish": 0.9},
        {"exchanged": {"layer1": 0.01}, "rescaled": {"layer2": 1.1}},
        {"rescaled_most": {"layer1": 3.0}},
    ],
)
def test_what_honest_recipes_show_is_not_marked(changes: dict[str, Any]) -> None:
    assert card(**changes).remarks == ()


def test_a_mark_changes_neither_word_nor_reasons_nor_prevention() -> None:
    honest, marked = card(), card(exchanged={"layer1": 1.0}, displacement={"layer1": 1e4})
    assert marked.verdict == honest.verdict
    assert marked.weights != honest.weights


def test_without_plain_distillations_own_there_is_no_ratio_and_the_units_are_looked_at() -> (
    None
):
    entry = with_changes(dropped(), exchanged={"layer1": 0.5}, displacement={"layer2": 99.0})
    found = build_scorecard(entry, {"baseline": BASELINE})
    assert found.weights is not None
    assert found.weights.moved == {}
    assert found.weights.marks == ("50 % of the units of its first layer were permuted",)
    shown = text.markdown(found, full=True)
    assert "plain distillation's own is not recorded" in shown


def test_a_run_of_an_earlier_version_has_neither_line_nor_mark() -> None:
    found = build_scorecard(dropped(), {"baseline": with_changes(BASELINE)})
    assert found.weights is None
    assert "Weights:" not in text.markdown(found, full=True)
    assert "weights" not in json.loads(text.as_json(found))


def test_only_seeds_with_a_change_count() -> None:
    entry = with_changes(dropped(), exchanged={"layer1": 0.4})
    bare = [one.model_copy(update={"weight_change": None}) for one in entry.seeds[:4]]
    mixed = entry.model_copy(update={"seeds": [*bare, *entry.seeds[4:]]})
    found = weight_marks(mixed, BASELINE, mixed.seed_numbers)
    assert found is not None
    assert found.seeds == len(entry.seeds) - 4
    assert found.exchanged["layer1"] == pytest.approx(0.4)


def test_where_every_student_diverged_there_is_nothing_to_say() -> None:
    lost = with_changes(make_run("lost", [None] * len(BASELINE.seeds)))
    assert weight_marks(lost, with_changes(BASELINE), lost.seed_numbers) is None


def test_what_only_steps_tell_is_unknown_of_weights_alone() -> None:
    entry = with_changes(dropped(), hook_updates=None, finish=None, unexplained=None)
    found = build_scorecard(entry, {"baseline": with_changes(BASELINE)})
    assert "not explained by the optimiser's updates unknown" in text.markdown(found, full=True)
    assert json.loads(text.as_json(found))["weights"]["unexplained"] is None


def test_one_line_of_the_full_scorecard_says_it_in_every_form() -> None:
    found = card(displacement={"layer2": 1.4}, hook_updates=0.25)
    line = (
        "Weights: displacement against plain distillation's: first layer x1.00, second layer "
        "x2.00, auxiliary head x1.00, class head 0 % of its size; units permuted and rescaled: "
        "first layer 0 % and x1.00 (at most x1.01), second layer 0 % and x1.00 (at most "
        "x1.01); changed by hooks at each step 25 %, at the end 0 %, not explained by the "
        "optimiser's updates 0 %"
    )
    assert json.loads(text.as_json(found))["weights"]["shown"] == line
    unescaped = text.markdown(found, full=True).replace("\\", "")
    assert line in unescaped
    terminal = " ".join(text.text(found, "terminal", full=True).split())
    assert line in terminal
    assert "Weights:" not in text.text(found, "terminal")


LENGTHS = st.floats(0, 1e300)


@settings(max_examples=30, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(PARTS, LENGTHS)),
    st.fixed_dictionaries(dict.fromkeys(PARTS, LENGTHS)),
    st.fixed_dictionaries(dict.fromkeys(HIDDEN, st.floats(1, 1e300))),
)
def test_no_record_that_can_be_read_breaks_the_scorecard(
    displacement: dict[str, float], size: dict[str, float], rescaled: dict[str, float]
) -> None:
    found = card(displacement=displacement, size=size, rescaled=rescaled)
    for form in text.FORMATS:
        shown = text.text(found, form, full=True)
        assert "inf" not in shown.replace("infer", "")
        assert len(shown) < 40_000
    json.loads(text.as_json(found), parse_constant=pytest.fail)
