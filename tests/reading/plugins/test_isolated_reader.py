"""An isolated reader reads the same, and what it does there stays there."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import BenchmarkError, HookError
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.reading.plugins.isolated_reader import load_isolated_reader
from subliminal_bench.reading.plugins.reader import load_reader
from subliminal_bench.training.cohort import Cohort
from tests.support.plugins_for_tests import one_line, write
from tests.support.reader_files import CARD, reader_source, shown

Cohorts = Callable[..., Cohort]
CLASSES = "return torch.zeros(len(images), dtype=torch.int64)"


def test_it_reads_the_same_in_a_process_of_its_own(tiny_cohort: Cohorts) -> None:
    cohort, renderings = tiny_cohort(1), ("mean-free", "on noise", "secret")
    here, there = load_reader("noise_head"), load_isolated_reader("noise_head")
    assert (there.card, there.source_sha256) == (here.card, here.source_sha256)
    assert there.isolation is not None
    with here.begin(shown(cohort)) as ours, there.begin(shown(cohort)) as theirs:
        for model in (cohort.base_parameters[0], cohort.teacher_parameters[0]):
            for one in renderings:
                assert torch.equal(ours.predictions(model, one), theirs.predictions(model, one))


def test_what_it_remembers_ends_with_the_seed(tiny_cohort: Cohorts, tmp_path: Path) -> None:
    lines = ("SEEN.append(1)", "return torch.full((len(images),), len(SEEN) - 1)")
    path = write(tmp_path / "mine.py", reader_source(*lines, before="SEEN = []\n"))
    cohort, reader = tiny_cohort(1), load_isolated_reader(str(path))
    for _ in range(2):
        with reader.begin(shown(cohort, "raw")) as calls:
            found = [calls.predictions(cohort.base_parameters[0], "raw")[0] for _ in range(2)]
        assert found == [0, 1]


def test_labels_that_its_card_does_not_ask_for_are_not_in_its_process(
    tiny_cohort: Cohorts, tmp_path: Path
) -> None:
    lines = (
        "import gc, sys",
        "found = [one for one in gc.get_objects() if type(one).__name__ == 'Shown']",
        "return torch.full((len(images),), 1 if len(found[0].audit_labels) else 0)",
    )
    cohort = tiny_cohort(1)
    for labels, seen in ((False, 0), (True, 1)):
        card = f"{CARD[:-1]}, labels={labels})"
        path = write(tmp_path / f"mine{seen}.py", reader_source(*lines, card=card))
        with load_isolated_reader(str(path)).begin(shown(cohort, "mean-free")) as calls:
            found = calls.predictions(cohort.base_parameters[0], "mean-free")
        assert (found == seen).all()


def test_test_labels_are_nowhere_in_its_process(tiny_cohort: Cohorts, tmp_path: Path) -> None:
    lines = (
        "import gc",
        "tensors = [one for one in gc.get_objects() if isinstance(one, torch.Tensor)]",
        "whole = [one for one in tensors if not one.is_floating_point()]",
        "return torch.full((len(images),), sum(len(images) == one.numel() for one in whole))",
    )
    path = write(tmp_path / "mine.py", reader_source(*lines))
    cohort = tiny_cohort(1)
    with load_isolated_reader(str(path)).begin(shown(cohort, "mean-free")) as calls:
        assert (calls.predictions(cohort.base_parameters[0], "mean-free") == 0).all()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("raise ValueError('no')", "failed: ValueError: no"),
        ("return images", "returned torch.float64 [1000, 784], not torch.int64 [1000]"),
        ("import os; os._exit(3)", "its process ended with exit code 3"),
        ("import os; os.system('true')", "may not start processes"),
        ("while True: pass", "did not answer within 3 s"),
    ],
)
def test_a_mistake_in_the_process_is_one_line(
    line: str, said: str, tiny_cohort: Cohorts, tmp_path: Path
) -> None:
    path = write(tmp_path / "mine.py", reader_source(line))
    cohort = tiny_cohort(1)
    reader = load_isolated_reader(str(path), limits=Limits(seconds=3))
    with reader.begin(shown(cohort, "raw")) as calls, pytest.raises(BenchmarkError) as error:
        calls.predictions(cohort.base_parameters[0], "raw")
    assert said in one_line(error.value)
    if "process" not in said:
        assert isinstance(error.value, HookError)


def test_a_reply_that_was_forged_is_checked_here(tiny_cohort: Cohorts, tmp_path: Path) -> None:
    before = (
        "from subliminal_bench.reading.plugins import reader as module\n"
        "module.usable = lambda name, found, shown, rendering: found\n"
    )
    line = "return torch.full((len(images),), 77)"
    path = write(tmp_path / "mine.py", reader_source(line, before=before))
    cohort = tiny_cohort(1)
    with (
        load_isolated_reader(str(path)).begin(shown(cohort, "raw")) as calls,
        pytest.raises(HookError, match="a class outside 0 to 9"),
    ):
        calls.predictions(cohort.base_parameters[0], "raw")


def test_a_file_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", reader_source(card="ReaderCard('a', 'x', 'x', ('p',))"))
    with pytest.raises(BenchmarkError) as error:
        load_isolated_reader(str(path))
    assert "rendering 'p' is unknown" in one_line(error.value)
