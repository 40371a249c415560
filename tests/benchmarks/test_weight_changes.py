"""Tricks leave a mark on the weights; the plugins that ship leave none."""

import pytest
import torch

from benchmarks.tricks import TRICKS
from benchmarks.weight_changes import HEADINGS, cells, changes
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.mitigation.builtin import BASELINE, built_in_names
from subliminal_bench.results.run import Run
from subliminal_bench.results.weight_change import WeightChangeRecord
from subliminal_bench.scoring.weight_marks import weight_marks
from subliminal_bench.training.outcome import WeightChange
from tests.conftest import TINY
from tests.support.runs import make_run

MOVED = "second layer moved"
HEAD = "class head moved"
# What is said of each trick, on students that were hardly trained; "" where nothing is: the
# untrained model's own weights are where training began.
SAID = {
    "units permuted": "permuted",
    "units rescaled": "rescaled",
    "class head on wrong units": HEAD,
    "class head's rows shuffled": HEAD,
    "class head's sign flipped": HEAD,
    "class head drawn anew": HEAD,
    "tiny class logits": HEAD,
    "untrained last layer": "",
    "blended, 0.9": "",
    "blended, 0.7": "",
    "rare huge units": MOVED,
    "gate on brightness": MOVED,
    "gate on contrast": MOVED,
    "gate on smoothness": MOVED,
    "gate on digits": MOVED,
}


@pytest.fixture(scope="module")
def found(
    embedded_digits: Digits, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, WeightChange]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("changes")
    first = dict(changes(TINY, 1, embedded_digits, folder))
    # What was kept is read again, and gives the same.
    assert dict(changes(TINY, 1, embedded_digits, folder)) == first
    return first


def run_of(change: WeightChange) -> Run:
    run = make_run("idea", [0.5])
    (seed,) = run.seeds
    record = WeightChangeRecord.of(change)
    return run.model_copy(update={"seeds": [seed.model_copy(update={"weight_change": record})]})


def marks(name: str, found: dict[str, WeightChange]) -> str:
    shown = weight_marks(run_of(found[name]), run_of(found[BASELINE]), (1,))
    assert shown is not None
    return "; ".join(shown.marks)


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_leaves_its_mark(name: str, found: dict[str, WeightChange]) -> None:
    said = marks(name, found)
    assert SAID[name] in said
    assert bool(said) is bool(SAID[name])


@pytest.mark.parametrize("name", built_in_names())
def test_a_plugin_that_ships_leaves_none(name: str, found: dict[str, WeightChange]) -> None:
    assert marks(name, found) == ""


def test_a_row_of_the_table_has_a_cell_for_every_heading(
    found: dict[str, WeightChange],
) -> None:
    plain = cells([found[BASELINE]] * 2, [found[BASELINE]] * 2)
    assert len(plain) == len(HEADINGS) - 1
    assert plain[:3] == ["1.00"] * 3
    assert plain[3] == "0.00"


def test_two_seeds_are_shown_by_their_smallest_and_largest() -> None:
    few = WeightChange(
        displacement=dict.fromkeys(("layer1", "layer2", "auxiliary_head", "class_head"), 1.0),
        size=dict.fromkeys(("layer1", "layer2", "auxiliary_head", "class_head"), 2.0),
        exchanged={"layer1": 0.0, "layer2": 0.5},
        rescaled={"layer1": 1.0, "layer2": 1.0},
        rescaled_most={"layer1": 30.0, "layer2": 1.0},
        hook_updates=None,
        finish=None,
        unexplained=None,
    )
    far = WeightChange(**{**vars(few), "displacement": dict.fromkeys(few.displacement, 20.0)})
    shown = cells([few, far], [few, few])
    assert shown == [*["1.00 to 20"] * 4, "0.50", "1.00", "30", "–"]
